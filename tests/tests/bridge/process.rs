//! The bridge in a separate process, and an old launcher, byte for byte.

use crate::BRIDGE;
use metaserve_tests::{Daemon, patiently};
use std::{net::SocketAddr, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
};

/// A running bridge. Dropping it kills the process.
pub(crate) struct Bridge {
    _process: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// The address for VCMI launchers.
    pub(crate) vcmi: SocketAddr,
    /// The addresses of the login daemon and the room for Aleph One.
    pub(crate) myth: (SocketAddr, SocketAddr),
    /// The address of the metrics.
    pub(crate) metrics: SocketAddr,
}

impl Bridge {
    /// Starts a bridge with a VCMI lobby and a metaserver of one room. It publishes to
    /// `daemon`, with the identity in `state`.
    pub(crate) async fn start(daemon: &Daemon, state: &Path) -> Self {
        Self::with(daemon, state, &[]).await
    }

    /// Starts the same with further arguments.
    pub(crate) async fn with(daemon: &Daemon, state: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(BRIDGE)
            .env_clear()
            .args([
                "--vcmi",
                "127.0.0.1:0",
                "--aleph-one",
                "127.0.0.1:0",
                "--aleph-one-room",
                "Arrival=127.0.0.1:0",
                "--metrics",
                "127.0.0.1:0",
                "--daemon",
                &daemon.address.to_string(),
            ])
            .args([
                "--fingerprint",
                &daemon.fingerprint.to_string(),
                "--state-dir",
            ])
            .arg(state)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let open = search(&mut log, "serving metrics").await;
        let metrics = address_after(&open, "address=");
        let open = search(&mut log, "the VCMI lobby is open").await;
        let vcmi = address_after(&open, "address=");
        let open = search(&mut log, "the metaserver is open").await;
        let myth = (
            address_after(&open, "address="),
            address_after(&open, "Arrival="),
        );
        Self {
            _process: process,
            log,
            vcmi,
            myth,
            metrics,
        }
    }

    /// Waits for a log line that contains `text`.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        search(&mut self.log, text).await
    }
}

pub(crate) fn address_after(line: &str, word: &str) -> SocketAddr {
    let (_, rest) = line.split_once(word).unwrap();
    let end = rest.find([' ', '"']).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

async fn search(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let search = async {
        loop {
            let line = log.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the bridge ended without {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    };
    patiently(text, search).await
}

/// A launcher from the time of the text lobby.
pub(crate) struct Launcher(TcpStream);

impl Launcher {
    /// Logs in with version `version` of the protocol.
    pub(crate) async fn new(bridge: &Bridge, version: u8, name: &str) -> Self {
        let mut launcher = Self(TcpStream::connect(bridge.vcmi).await.unwrap());
        let greeting = format!("<GREETINGS>{name}<VER>VCMI 1.4.0");
        let prefix = [version, 4, b'u', b't', b'f', b'8'];
        launcher
            .frame(&[&prefix[..], greeting.as_bytes()].concat())
            .await;
        launcher.hears(":>>SESSIONS:").await;
        launcher
    }

    /// Sends commands in one frame.
    pub(crate) async fn says(&mut self, commands: &str) {
        self.frame(commands.as_bytes()).await;
    }

    async fn frame(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        self.0
            .write_all(&[&length[..], payload].concat())
            .await
            .unwrap();
    }

    /// Reads until `text` has come. Returns everything that came.
    pub(crate) async fn hears(&mut self, text: &str) -> String {
        let mut heard = String::new();
        let listen = async {
            while !heard.contains(text) {
                let mut piece = [0; 4096];
                let length = self.0.read(&mut piece).await.unwrap();
                assert!(length > 0, "closed after {heard:?}");
                heard.push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        };
        patiently(text, listen).await;
        heard
    }
}

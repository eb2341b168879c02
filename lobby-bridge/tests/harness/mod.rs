//! Starts a lobby on a free port, and connects to it like launchers and games do.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use metaserve::program::Stopped;
use metaserve_lobby_bridge::{
    publish::Listings,
    vcmi::{Limits, Server, Settings},
};
use ring::digest::{SHA256, digest};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Far more than anything takes, even on a busy machine. A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A lobby that runs in this process.
pub(crate) struct Lobby {
    pub(crate) address: SocketAddr,
    pub(crate) listings: Listings,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Stopped>>,
}

impl Lobby {
    pub(crate) fn open() -> Self {
        Self::with(|_| {})
    }

    /// Starts a lobby with other limits.
    pub(crate) fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::run(Settings {
            limits,
            ..Settings::default()
        })
    }

    pub(crate) fn run(settings: Settings) -> Self {
        let listings = Listings::default();
        let settings = Settings {
            listen: SocketAddr::from(([0; 8], 0)),
            ..settings
        };
        let server = Server::bind(settings, listings.clone()).expect("a free port");
        let address = SocketAddr::from(([127, 0, 0, 1], server.local_address().port()));
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.run(shutdown.clone()));
        Self {
            address,
            listings,
            shutdown,
            task,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        self.connect_from([127, 0, 0, 1]).await
    }

    pub(crate) async fn connect_from(&self, address: [u8; 4]) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from = SocketAddr::from((address, 0));
        socket.bind(from).expect("an address of this machine");
        let stream = socket.connect(self.address).await;
        let stream = stream.expect("the lobby listens");
        stream.set_nodelay(true).expect("a socket");
        let (read, write) = stream.into_split();
        Client {
            read,
            write: Arc::new(Mutex::new(write)),
            received: Vec::new(),
            ended: false,
        }
    }

    /// Returns a launcher that has logged in and read its welcome.
    pub(crate) async fn launcher(&self, version: u8, name: &str) -> Client {
        let mut client = self.connect().await;
        client.greet(version, name).await;
        client.until(":>>MSG:System:Here available ").await;
        client
            .until(if version < 4 {
                "in the chat"
            } else {
                "playing "
            })
            .await;
        client.drain().await;
        client
    }

    /// Closes the lobby, and waits until all its connections have ended.
    pub(crate) async fn close(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("no panic")
            .expect("nothing has stopped");
    }
}

/// One connection to a lobby.
pub(crate) struct Client {
    pub(crate) read: OwnedReadHalf,
    /// Shared with tasks that send in the background.
    pub(crate) write: Arc<Mutex<OwnedWriteHalf>>,
    pub(crate) received: Vec<u8>,
    pub(crate) ended: bool,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.expect("the lobby reads");
    }

    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write.lock().await.write_all(bytes).await
    }

    /// Sends while the test goes on.
    pub(crate) fn send_meanwhile(&self, bytes: Vec<u8>) -> JoinHandle<io::Result<()>> {
        let write = Arc::clone(&self.write);
        tokio::spawn(async move { write.lock().await.write_all(&bytes).await })
    }

    /// Reads exactly these bytes. They are too many to show.
    pub(crate) async fn expect_bytes(&mut self, expected: &[u8]) {
        let received = self.read_exactly(expected.len()).await;
        let wrong = expected.iter().zip(&received).position(|(a, b)| a != b);
        assert_eq!(wrong, None, "the first wrong byte");
    }

    /// Sends a frame.
    pub(crate) async fn say(&mut self, payload: impl AsRef<[u8]>) {
        self.send(&frame(payload)).await;
    }

    pub(crate) async fn greet(&mut self, version: u8, name: &str) {
        let mut payload = vec![version, 4];
        payload.extend_from_slice(format!("utf8<GREETINGS>{name}<VER>VCMI 1.4.0").as_bytes());
        self.say(payload).await;
    }

    /// Reads once. Returns false if nothing came until `deadline`.
    pub(crate) async fn read(&mut self, deadline: Instant) -> bool {
        if self.ended {
            return false;
        }
        self.received.reserve(256 * 1024);
        let read = timeout_at(deadline, self.read.read_buf(&mut self.received)).await;
        match read {
            Err(_) => return false,
            Ok(Ok(1..)) => {}
            Ok(_) => self.ended = true,
        }
        true
    }

    /// Reads and removes exactly these bytes.
    pub(crate) async fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let deadline = Instant::now() + PATIENCE;
        while self.received.len() < expected.len() && self.read(deadline).await {}
        let got = &self.received[..expected.len().min(self.received.len())];
        assert!(
            got == expected,
            "expected {:?}\n     got {:?}",
            shown(expected),
            shown(&self.received)
        );
        self.received.drain(..expected.len());
    }

    /// Reads up to and including `expected`. Returns the text before it.
    pub(crate) async fn until(&mut self, expected: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = find(&self.received, expected.as_bytes());
            if let Some(at) = found {
                let before = text(&self.received[..at]);
                self.received.drain(..at + expected.len());
                return before;
            }
            assert!(
                self.read(deadline).await,
                "no {expected:?} in {:?}",
                shown(&self.received)
            );
        }
    }

    /// Expects the end of the connection, without further messages.
    pub(crate) async fn expect_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline).await {}
        assert!(self.ended, "still open after {PATIENCE:?}");
        assert_eq!(shown(&self.received), "", "before the end");
    }

    /// Waits until the lobby has executed everything sent so far, and drops the answers.
    pub(crate) async fn drain(&mut self) {
        self.say("<ROOT>rooms<CHANNEL>sync").await;
        self.until("with this name already exists").await;
        assert_eq!(text(&self.received), "");
    }

    pub(crate) async fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        while self.received.len() < length && self.read(deadline).await {}
        assert!(
            self.received.len() >= length,
            "{} of {length} bytes",
            self.received.len()
        );
        self.received.drain(..length).collect()
    }

    /// Reads a UUID.
    pub(crate) async fn uuid(&mut self) -> String {
        text(&self.read_exactly(36).await)
    }

    /// Ends our side of the connection.
    pub(crate) async fn shut_down(&mut self) {
        let _ = self.write.lock().await.shutdown().await;
    }

    /// Vanishes: the peer sees a reset.
    pub(crate) fn reset(self) {
        let _ = SockRef::from(self.read.as_ref()).set_linger(Some(Duration::ZERO));
    }
}

pub(crate) fn frame(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = u32::try_from(payload.len())
        .expect("a short frame")
        .to_le_bytes()
        .to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// Makes bytes that depend only on `seed`: SHA-256 of it, a colon and the number of each 32 bytes.
pub(crate) fn random(seed: &str, length: usize) -> Vec<u8> {
    let block = |number| digest(&SHA256, format!("{seed}:{number}").as_bytes());
    let mut bytes = Vec::with_capacity(length + 32);
    for number in 0..length.div_ceil(32) {
        bytes.extend_from_slice(block(number).as_ref());
    }
    bytes.truncate(length);
    bytes
}

/// Makes pseudo-random bytes quickly.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(length);
    bytes
}

/// The first frames of a game; `role` is `client` or `server`.
pub(crate) fn introduction(role: &str, uuid: &str) -> Vec<u8> {
    let role = format!("VCMI 1.4.0 ({role})");
    [frame("Aiya!\n"), frame(role), frame(uuid)].concat()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the beginning of a text, for an error message.
fn shown(bytes: &[u8]) -> String {
    text(&bytes[..bytes.len().min(400)])
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Gives the lobby so much work that everything else that can happen does happen.
pub(crate) async fn keep_busy(lobby: &Lobby) {
    let mut user = lobby.launcher(5, "busy").await;
    for _ in 0..2_000 {
        user.say("<MSG>x").await;
        user.until(":>>MSGCH:busy:global:x").await;
    }
}

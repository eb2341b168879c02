//! The daemon in its own process.

use crate::patiently;
use metaserve::{Connector, Fingerprint, Identity, Role, Trust};
use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::mpsc,
};

/// A running daemon. Dropping it kills the process.
pub struct Daemon {
    process: Child,
    log: mpsc::UnboundedReceiver<String>,
    output: Lines<BufReader<ChildStdout>>,
    /// Its address: loopback, and the port that it was given.
    pub address: SocketAddr,
    /// The certificate that it used at the start.
    pub fingerprint: Fingerprint,
    state: TempDir,
    binary: &'static str,
    under: Vec<String>,
}

impl Daemon {
    /// Starts `binary` on a free port of both address families, with its own state directory and
    /// further `arguments`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(binary: &'static str, arguments: &[&str]) -> Self {
        Self::start_with(binary, &[], arguments).await
    }

    /// Starts it with these variables in its `environment`, which is otherwise empty.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(
        binary: &'static str,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let state = tempfile::tempdir().expect("a directory for the daemon's state");
        let mut command = command(&[], binary, state.path(), "[::]:0", arguments);
        command.envs(environment.iter().copied());
        Self::start_in(binary, state, Vec::new(), command).await
    }

    /// Starts it with another program, such as `ip netns exec NAME`, which becomes the daemon. Its
    /// address is then the address there.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_under(under: &[&str], binary: &'static str, arguments: &[&str]) -> Self {
        let state = tempfile::tempdir().expect("a directory for the daemon's state");
        let under: Vec<String> = under.iter().map(|&word| word.to_owned()).collect();
        let command = command(&under, binary, state.path(), "[::]:0", arguments);
        Self::start_in(binary, state, under, command).await
    }

    async fn start_in(
        binary: &'static str,
        state: TempDir,
        under: Vec<String>,
        mut command: Command,
    ) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the daemon's binary must start");
        let mut output = BufReader::new(process.stdout.take().expect("piped")).lines();
        let log = drained(process.stderr.take().expect("piped"));
        let mut next = async |what: &str| {
            let line = patiently(what, output.next_line()).await.expect("text");
            line.unwrap_or_else(|| panic!("the daemon ended before it printed {what}"))
        };
        let listens = next("its address").await;
        let fingerprint = next("its fingerprint").await;
        let after = |line: &str, word: &str| {
            let (_, rest) = line
                .split_once(word)
                .expect("the line has the documented form");
            rest.split_whitespace().next().expect("a value").to_owned()
        };
        let address: SocketAddr = after(&listens, "listens on").parse().expect("an address");
        let fingerprint = after(&fingerprint, "(SHA-256):")
            .parse()
            .expect("a fingerprint");
        let address = SocketAddr::from(([127, 0, 0, 1], address.port()));
        Self {
            process,
            log,
            output,
            address,
            fingerprint,
            state,
            binary,
            under,
        }
    }

    /// The address of its HTTP service, which it prints after its other lines. Call it once, and
    /// only for a daemon that was started with `--http`: others serve no HTTP.
    ///
    /// # Panics
    /// When the daemon does not print it.
    pub async fn http(&mut self) -> SocketAddr {
        loop {
            let line = patiently("its HTTP address", self.output.next_line()).await;
            let line = line.expect("text").expect("the daemon serves HTTP");
            if let Some((_, rest)) = line.split_once("http://") {
                let (address, _) = rest.split_once('/').expect("a path");
                return address.parse().expect("an address");
            }
        }
    }

    /// Kills the daemon and starts another with the same address and state.
    pub async fn kill_and_restart(self, arguments: &[&str]) -> Self {
        self.kill().await.restart(arguments).await
    }

    /// Kills the daemon.
    pub async fn kill(mut self) -> Killed {
        self.process.kill().await.expect("the process is a child");
        self.state()
    }

    /// Stops the daemon as a service manager does: it tells its peers.
    pub async fn stop(mut self) -> Killed {
        self.signal("TERM").await;
        self.ended().await;
        self.state()
    }

    fn state(self) -> Killed {
        Killed {
            binary: self.binary,
            state: self.state,
            under: self.under,
            listen: format!("[::]:{}", self.address.port()),
        }
    }

    /// The IPv6 address of the same daemon.
    #[must_use]
    pub fn address_v6(&self) -> SocketAddr {
        (std::net::Ipv6Addr::LOCALHOST, self.address.port()).into()
    }

    /// The state directory of the daemon.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// Sends a signal, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        let id = self.process.id().expect("it is running").to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for the process to end, and returns its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        patiently("the daemon's end", self.process.wait())
            .await
            .expect("it is a child")
            .code()
    }

    /// Waits for a log line that contains `text`, and returns the line.
    ///
    /// # Panics
    /// When the daemon ends without it.
    pub async fn logged(&mut self, text: &str) -> String {
        let search = async {
            loop {
                match self.log.recv().await {
                    Some(line) if line.contains(text) => return line,
                    Some(_) => {}
                    None => panic!("the daemon ended without logging {text:?}"),
                }
            }
        };
        patiently(text, search).await
    }

    /// The lines logged since the last call.
    pub fn said(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }

    /// The process id of the daemon.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id().expect("it is running")
    }

    /// The resident memory of the daemon's process, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let id = self.process.id().expect("it is running");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it is running");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("known");
        let kilobytes = line
            .trim()
            .trim_end_matches(" kB")
            .parse::<u64>()
            .expect("a number");
        kilobytes * 1024
    }

    /// Trust in the certificate of this daemon.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust::Fingerprint(self.fingerprint)
    }

    /// A connector to this daemon over IPv4, with its own socket.
    #[must_use]
    pub fn connector(&self, role: Role, identity: Option<&Identity>) -> Connector {
        Connector::new(role, &self.address.to_string(), &self.trust(), identity)
            .expect("loopback has sockets")
    }

    /// A connection to this daemon over IPv4.
    ///
    /// # Panics
    /// When connecting fails.
    pub async fn connect(&self, role: Role, identity: Option<&Identity>) -> quinn::Connection {
        self.connector(role, identity)
            .connect()
            .await
            .expect("the daemon accepts")
    }

    /// A connection to this daemon from this loopback address, such as 127.9.8.7, and its
    /// connector, which must be kept.
    ///
    /// # Panics
    /// When connecting fails.
    pub async fn connect_from(&self, from: IpAddr, role: Role) -> (quinn::Connection, Connector) {
        let connector = self.connector(role, None);
        let socket = std::net::UdpSocket::bind((from, 0)).expect("loopback has the address");
        let bound = connector.endpoint().rebind(socket);
        bound.expect("a new socket");
        let connection = connector.connect().await.expect("the daemon accepts");
        (connection, connector)
    }

    /// A connection to this daemon over IPv6.
    ///
    /// # Panics
    /// When connecting fails.
    pub async fn connect_v6(&self, role: Role, identity: Option<&Identity>) -> quinn::Connection {
        let address = self.address_v6().to_string();
        let connector = Connector::new(role, &address, &self.trust(), identity);
        connector
            .expect("loopback has sockets")
            .connect()
            .await
            .expect("the daemon accepts")
    }
}

/// The state of a daemon that has ended.
pub struct Killed {
    binary: &'static str,
    state: TempDir,
    under: Vec<String>,
    listen: String,
}

impl Killed {
    /// Starts another daemon with the same address and state.
    pub async fn restart(self, arguments: &[&str]) -> Daemon {
        let state = self.state.path();
        let command = command(&self.under, self.binary, state, &self.listen, arguments);
        Daemon::start_in(self.binary, self.state, self.under, command).await
    }
}

/// The lines of a log, which is always read: otherwise the daemon could block when the pipe is
/// full.
fn drained(log: ChildStderr) -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut log = BufReader::new(log).lines();
        while let Ok(Some(line)) = log.next_line().await {
            // The receiver may be gone.
            let _ = sender.send(line);
        }
    });
    lines
}

fn command(
    under: &[String],
    binary: &str,
    state: &Path,
    listen: &str,
    arguments: &[&str],
) -> Command {
    // The default HTTP port exists once per machine.
    let asked = arguments.contains(&"--http");
    let without_http: &[&str] = if asked { &[] } else { &["--http", "off"] };
    let mut command = Command::new(under.first().map_or(binary, String::as_str));
    command.env_clear();
    if !under.is_empty() {
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(&under[1..]).arg(binary);
    }
    command
        .args(["--listen", listen, "--state-dir"])
        .arg(state)
        .args(without_http)
        .args(arguments)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a daemon that cannot start, and returns its error output.
///
/// # Panics
/// When it starts, or ends with an exit code other than 1 or 2.
pub async fn failing_start(binary: &str, listen: &str, state: &Path, arguments: &[&str]) -> String {
    let output = command(&[], binary, state, listen, arguments)
        .stdout(Stdio::null())
        .output();
    let output = patiently("the daemon's refusal", output)
        .await
        .expect("the binary must start");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{:?}: {complaint}",
        output.status
    );
    complaint
}

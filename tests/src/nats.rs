//! NATS servers, each in its own process.

use crate::patiently;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpSocket,
    process::{Child, ChildStderr, Command},
};

/// One NATS server, or several with routes to each other, on loopback. Dropping them kills the
/// processes.
pub struct Nats {
    servers: Vec<Server>,
    directory: TempDir,
}

struct Server {
    /// Its process, while it runs.
    process: Option<Running>,
    config: PathBuf,
    /// The one for clients, then the one for routes, if there are any.
    ports: Vec<u16>,
    /// Keep its ports while it does not run: nobody listens there, and no other socket gets them.
    held: Vec<TcpSocket>,
}

struct Running {
    process: Child,
    /// Read as long as it runs: it would block when the pipe is full.
    _log: tokio::task::JoinHandle<()>,
}

impl Nats {
    /// Starts one server that everybody may use.
    ///
    /// # Panics
    /// When nats-server is not installed.
    pub async fn one() -> Self {
        Self::start(1, "").await
    }

    /// Starts three servers with routes to each other, which everybody may use.
    ///
    /// # Panics
    /// When nats-server is not installed.
    pub async fn three() -> Self {
        Self::start(3, "").await
    }

    /// Starts `count` servers, with `more` in the configuration of each.
    ///
    /// # Panics
    /// When nats-server is not installed, or does not start.
    pub async fn start(count: usize, more: &str) -> Self {
        Self::start_with(count, more, "").await
    }

    /// Starts `count` servers, with `more` in the configuration of each, and `routing` in that of
    /// their routes.
    ///
    /// # Panics
    /// When nats-server is not installed, or does not start.
    pub async fn start_with(count: usize, more: &str, routing: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // They have to know each other's ports before they start, so the kernel chooses them now.
        let each = if count == 1 { 1 } else { 2 };
        let sockets = (0..count).map(|_| (0..each).map(|_| hold(0)).collect());
        let sockets: Vec<Vec<_>> = sockets.collect();
        let port = |socket: &TcpSocket| socket.local_addr().expect("bound").port();
        let routes = sockets.iter().filter_map(|held| held.get(1));
        let all = routes.map(|it| format!("nats-route://127.0.0.1:{}", port(it)));
        let all: Vec<_> = all.collect();
        let servers = sockets.into_iter().enumerate();
        let servers = servers.map(|(index, held)| {
            let ports: Vec<_> = held.iter().map(port).collect();
            let port = ports[0];
            let config = directory.path().join(format!("n{index}.conf"));
            let cluster = match ports.get(1) {
                None => String::new(),
                Some(route) => format!(
                    "cluster {{ name: test, listen: \"127.0.0.1:{route}\", routes: [{}]\n{routing}\n}}\n",
                    all.join(", ")
                ),
            };
            let text = format!(
                "server_name: n{index}\nlisten: \"127.0.0.1:{port}\"\nmax_payload: 1MB\n\
                 write_deadline: \"5s\"\n{cluster}{more}\n"
            );
            fs::write(&config, text).expect("the directory is ours");
            Server {
                process: None,
                config,
                ports,
                held,
            }
        });
        let mut nats = Self {
            servers: servers.collect(),
            directory,
        };
        for index in 0..count {
            nats.restart(index).await;
        }
        nats
    }

    /// The URL of a server.
    #[must_use]
    pub fn url(&self, index: usize) -> String {
        format!("nats://127.0.0.1:{}", self.servers[index].ports[0])
    }

    /// The URLs of all servers, as the value of `--cluster`.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls = (0..self.servers.len()).map(|index| self.url(index));
        urls.collect::<Vec<_>>().join(",")
    }

    /// A directory for files that the configuration names.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills a server. Its ports stay free for [`restart`](Self::restart).
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self, index: usize) {
        let server = &mut self.servers[index];
        let mut running = server.process.take().expect("it runs");
        running.process.kill().await.expect("it is a child");
        server.held = server.ports.iter().copied().map(hold).collect();
    }

    /// Starts a server that does not run, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self, index: usize) {
        let server = &mut self.servers[index];
        server.held.clear();
        let spawned = Command::new("nats-server")
            .arg("--config")
            .arg(&server.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut process = spawned.expect("nats-server is installed: apt-get install nats-server");
        let log = BufReader::new(process.stderr.take().expect("piped"));
        let log = ready(log.lines()).await;
        server.process = Some(Running {
            process,
            _log: tokio::spawn(drain(log)),
        });
    }

    /// Sends a signal, such as `STOP`, to a server.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn signal(&self, index: usize, name: &str) {
        let id = self.process(index).to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(kill.expect("kill runs").success());
    }

    /// The process id of a server.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process(&self, index: usize) -> u32 {
        let running = self.servers[index].process.as_ref();
        running.and_then(|it| it.process.id()).expect("it runs")
    }
}

/// A socket that has this port of loopback, or one that the kernel chooses, and does not listen.
fn hold(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Connections of the killed server may not be forgotten yet.
    socket
        .set_reuseaddr(true)
        .expect("an option of every socket");
    let bound = socket.bind(([127, 0, 0, 1], port).into());
    bound.expect("the port is free");
    socket
}

async fn ready(mut log: Lines<BufReader<ChildStderr>>) -> Lines<BufReader<ChildStderr>> {
    let mut said = Vec::new();
    loop {
        let line = patiently("a NATS server", log.next_line()).await;
        let Some(line) = line.expect("text") else {
            panic!("nats-server has ended: {said:#?}");
        };
        if line.contains("Server is ready") {
            return log;
        }
        said.push(line);
    }
}

async fn drain(mut log: Lines<BufReader<ChildStderr>>) {
    while let Ok(Some(_)) = log.next_line().await {}
}

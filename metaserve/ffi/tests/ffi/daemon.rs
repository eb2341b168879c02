//! A daemon in this process, on a runtime of its own.

use metaserve::registry::{Registration, Registry};
use metaserve_daemon::{Daemon as Running, Settings, settings::Http};
use std::{net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A running daemon, with names. Dropping it stops it.
pub(crate) struct Daemon {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    /// 64 digits.
    pub(crate) fingerprint: String,
    registry: Arc<Registry>,
    state: Option<TempDir>,
    ending: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), tempfile::tempdir().unwrap())
    }

    /// Stops it, and starts another one at the same address, with the same certificate.
    #[allow(dead_code, reason = "the benchmark does not need it")]
    pub(crate) fn restart(mut self) -> Self {
        self.stop();
        let state = self.state.take().unwrap();
        Self::start_at(self.address.parse().unwrap(), state)
    }

    /// Lists so many servers, without connections, until what it returns is dropped.
    pub(crate) fn lists(&self, count: u16) -> Vec<Registration> {
        let game = "ffi".parse().unwrap();
        let server = |port: u16| {
            let address = SocketAddr::from(([192, 0, 2, 1], port));
            let server = self.registry.register(&game, address, None).unwrap();
            server.heartbeat(format!("server {port}").into());
            server
        };
        (1..=count).map(server).collect()
    }

    fn start_at(listen: SocketAddr, state: TempDir) -> Self {
        let mut settings = Settings::new(state.path().to_owned());
        settings.listen = listen;
        settings.http = Http::Off;
        settings.threads = Some(1);
        settings.names.is_on = true;
        settings.tick = Duration::from_millis(20);
        settings.live.limits.min_interval = settings.tick;
        // All servers of a test are at one address.
        settings.live.limits.max_listed_per_prefix = 10_000;
        let ending = CancellationToken::new();
        let (started, start) = std::sync::mpsc::channel();
        let end = ending.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let daemon = Running::start(settings).unwrap();
                let address = daemon.local_address().unwrap();
                let fingerprint = daemon.fingerprint().to_string();
                let registry = daemon.registry().clone();
                started
                    .send((address.to_string(), fingerprint, registry))
                    .unwrap();
                daemon.run(end.cancelled_owned()).await.unwrap();
            });
        });
        let (address, fingerprint, registry) = start.recv().expect("the daemon starts");
        Self {
            address,
            fingerprint,
            registry,
            state: Some(state),
            ending,
            thread: Some(thread),
        }
    }

    fn stop(&mut self) {
        self.ending.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

//! The daemon: accept, admit, register, serve, drain.
//!
//! ```text
//!               accept/             connection/            metaserve::registry   metaserve::feed
//!  UDP ──▶ handshake, limits ──▶ heartbeat.rs, relay.rs ──▶ Registration ──▶ Feed
//!                           └──▶ client.rs ◀───────────────── Subscription ◀──┘
//! ```
//!
//! Beside it, `http/` shows the list of the registry to browsers and scripts.
//!
//! [`Daemon::start`] begins it, [`Daemon::make_frames`] keeps the list going out, [`Daemon::drain`]
//! ends it; the binary adds the command line, the log and the signals.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accept;
pub mod cli;
mod commands;
mod connection;
mod http;
mod metrics;
mod rules;
mod shared;
mod whereabouts;

use anyhow::Context;
use clap::Parser;
use metaserve::{
    Fingerprint,
    feed::Feeds,
    files,
    program::{
        self, Signals, Stopped, Vital, log,
        service::{self, State},
    },
    registry::Registry,
};
use rules::{Certificates, Rules};
use shared::Shared;
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use cli::Config;

/// Runs the binary: parses the command line, serves until a signal or does what else it is told,
/// and says what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => program::end(run(cli)),
        Err(usage) => program::end_usage(&usage),
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(command) => command.run(),
        None => serve(&cli.serve),
    }
}

fn serve(settings: &cli::ServeArgs) -> anyhow::Result<()> {
    let config = settings.config()?;
    let log = log::init(&config.log, config.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(async {
        let signals = Signals::new().context("signals cannot be handled")?;
        let daemon = Daemon::start(config)?;
        daemon.announce();
        service::tell(State::Ready(&daemon.status()));
        let reload = async || {
            service::tell(State::Reloading);
            daemon.shared.reload(settings.config(), &log).await;
            service::tell(State::Ready(&daemon.status()));
        };
        let stopped = tokio::select! {
            () = signals.serve_until_stopped(reload) => None,
            () = daemon.make_frames() => None,
            stopped = daemon.stopped() => Some(stopped),
        };
        if let Some(stopped) = &stopped {
            tracing::error!("stopping because of a defect: {stopped}");
        }
        service::tell(State::Stopping);
        daemon.drain().await;
        stopped.map_or(Ok(()), |stopped| Err(stopped.into()))
    })
}

/// A running daemon. It ends with [`drain`](Self::drain); dropped without, its connections are
/// closed with the runtime.
pub struct Daemon {
    shared: Arc<Shared>,
    /// Ends the tasks that look at addresses and watch files.
    background: CancellationToken,
    /// Ends the connections.
    closing: CancellationToken,
    tasks: TaskTracker,
    /// What it cannot do without.
    vital: Vital,
    /// Where HTTP is served, if it is.
    http: Option<SocketAddr>,
}

/// How long a drain may take before connections that have not been told are given up.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

impl Daemon {
    /// Opens the socket and begins to serve. Call it inside a tokio runtime, and
    /// [make frames](Self::make_frames) from then on.
    ///
    /// # Errors
    /// When the certificate or the ban file cannot be used, the state directory cannot be read or written, or
    /// a socket cannot be opened; the error says what to do.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let certificates = Certificates::load(&config)?;
        let ban_file = files::Look::new(config.ban_file.iter().cloned().collect());
        let rules = Rules::load(&config)?;
        let endpoint = accept::socket::open(
            config.listen,
            certificates.endpoint_config(),
            certificates.server_config(&rules.limits),
        )?;
        let web = http::open(&config)?;
        let feeds = Feeds::new();
        let registry = Registry::new(rules.limits.max_games, vec![feeds.clone()]);
        registry.set_rows(rules.limits.max_listed_per_prefix, rules.trusted.clone());
        let shared = Arc::new(Shared {
            endpoint,
            certificates,
            registry,
            feeds,
            config,
            rules: watch::Sender::new(Arc::new(rules)),
            admission: accept::Admission::default(),
            metrics: metrics::Metrics::new(),
            whereabouts: whereabouts::Whereabouts::default(),
        });
        let http = web.as_ref().and_then(|web| web.local_addr().ok());
        let daemon = Self {
            shared,
            background: CancellationToken::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            vital: Vital::default(),
            http,
        };
        daemon.spawn_background_tasks(ban_file);
        if let Some(listener) = web {
            let web = http::Web::new(daemon.shared.clone(), daemon.closing.clone());
            let serve = http::run(listener, web, daemon.tasks.clone());
            daemon.vital.spawn("serving HTTP", serve);
        }
        Ok(daemon)
    }

    fn spawn_background_tasks(&self, ban_file: files::Look) {
        let Self {
            shared,
            background,
            closing,
            tasks,
            vital,
            ..
        } = self;
        let accept = accept::run(shared.clone(), closing.clone(), tasks.clone());
        let accept = closing.clone().run_until_cancelled_owned(accept);
        vital.spawn("accepting peers", accept);
        let looking = shared.clone();
        let look = async move { looking.whereabouts.run().await };
        let look = background.clone().run_until_cancelled_owned(look);
        vital.spawn("looking for servers whose address changes", look);
        let reloading = shared.clone();
        let watched = shared.clone();
        let watch = async move {
            let reload = || reloading.reload_certificate();
            watched.certificates.watch(reload).await;
        };
        tasks.spawn(background.clone().run_until_cancelled_owned(watch));
        let reloading = shared.clone();
        let watch = ban_file.watch(async move || reloading.reload_bans().await);
        tasks.spawn(background.clone().run_until_cancelled_owned(watch));
    }

    /// Turns changes into frames, for as long as it is polled: without, no client learns of any
    /// change. It shows the service manager that the daemon is alive, too, if it asks for that.
    ///
    /// Poll it where the runtime is blocked on, not in a task of the runtime: clients that it
    /// wakes then queue behind the acknowledgements that wait on the worker, and long frames cost
    /// a sixth less.
    ///
    /// Cancel-safe: changes wait for the next call.
    pub fn make_frames(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = self.shared.clone();
        async move {
            let observe = |took| shared.metrics.tick(took);
            let make = shared.feeds.run_observed(shared.config.tick, observe);
            // Beside it: when frames are not made any longer, there is no sign of life.
            let look = || shared.clone().pass_through_worker();
            tokio::join!(make, service::watchdog(look));
        }
    }

    /// Waits until a task has ended that the daemon cannot do without, by a defect:
    /// [drain](Self::drain) it then, since it serves nobody any more.
    ///
    /// Cancel-safe.
    pub async fn stopped(&self) -> Stopped {
        self.vital.stopped().await
    }

    /// The address that the daemon is reached at, with the port it was given if it asked for 0.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// The address that HTTP is served on, if it is.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The fingerprint of the certificate that the daemon shows now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.certificates.fingerprint()
    }

    /// What clients of this daemon are told.
    #[must_use]
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.shared.feeds
    }

    /// The servers of this daemon.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.shared.registry
    }

    /// What it does, in one line.
    fn status(&self) -> String {
        let address = self.local_address().unwrap_or(self.shared.config.listen);
        format!(
            "serving on {address} (UDP), certificate {}",
            self.fingerprint()
        )
    }

    /// Prints how to connect, for the operator.
    fn announce(&self) {
        let fingerprint = self.fingerprint();
        let address = self.local_address().unwrap_or(self.shared.config.listen);
        tracing::info!(%address, %fingerprint, "listening");
        let version = env!("CARGO_PKG_VERSION");
        let port = address.port();
        let mut text = format!(
            "metaserve-daemon {version} listens on {address} (UDP)\n\
             certificate fingerprint (SHA-256): {fingerprint}\n\
             games connect with: --daemon HOST:{port} --fingerprint {fingerprint}\n"
        );
        if let Some(http) = self.http {
            text.push_str(&format!("the list over HTTP: http://{http}/\n"));
        }
        program::announce(text);
    }

    /// Ends the daemon: no new connections, every peer is told to come back soon, and done when
    /// all have been told or after 5 s.
    ///
    /// End [making frames](Self::make_frames) before: nobody shall see the list run empty because
    /// its servers are told to go a moment before he is.
    pub async fn drain(self) {
        tracing::info!("stopping: telling every peer to come back soon");
        self.background.cancel();
        self.shared.endpoint.set_server_config(None);
        self.closing.cancel();
        self.tasks.close();
        let told = async {
            self.tasks.wait().await;
            let _ = self.vital.join().await;
            self.shared.endpoint.wait_idle().await;
        };
        match tokio::time::timeout(DRAIN_TIMEOUT, told).await {
            Ok(()) => tracing::info!("stopped: every peer was told"),
            Err(_) => tracing::warn!("stopped: not every peer could be told in {DRAIN_TIMEOUT:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon without its accepting task would look alive: its socket answers, its list is shown.
    #[tokio::test]
    async fn a_daemon_that_accepts_nobody_stops() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            http: cli::Http::Off,
            ..Config::new(directory.path().to_owned())
        });
        let daemon = daemon.unwrap();
        daemon.shared.endpoint.close(0_u32.into(), b"");
        let stopped = daemon.stopped().await.to_string();
        assert_eq!(stopped, "accepting peers has stopped: it ended");
        daemon.drain().await;
    }
}

//! The life of a daemon: start, run, drain.

#[cfg(feature = "cluster")]
use crate::cluster::driver;
use crate::{
    accept,
    admission::Admission,
    cluster::{Role, View},
    http,
    metrics::Metrics,
    names::{self, Door, Store},
    rules::{Certificates, Rules},
    settings::Settings,
    shards::{Ended, Shards},
    shared::Shared,
    whereabouts::Whereabouts,
};
use metaserve::{
    Fingerprint, Limits,
    feed::Feeds,
    files,
    list::Clock,
    program::{Stopped, Vital},
    registry::Registry,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A daemon whose sockets are open. [`run`](Self::run) serves peers.
///
/// Several daemons can run in one process: they share nothing but the log.
#[must_use = "a daemon serves only while it runs"]
pub struct Daemon {
    pub(crate) shared: Arc<Shared>,
    /// The threads that serve peers.
    threads: Ended,
    /// Ends the tasks that check addresses and watch files.
    background: CancellationToken,
    /// Ends the connections.
    closing: CancellationToken,
    tasks: TaskTracker,
    /// The tasks that the daemon cannot run without.
    vital: Vital,
    /// The address that HTTP is served on, if it is.
    http: Option<SocketAddr>,
    #[cfg(feature = "cluster")]
    leaving: driver::Leaving,
}

/// How long a drain may take. Connections that have not been notified by then are abandoned.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

impl Daemon {
    /// Opens the sockets and begins to accept peers. Call it inside a tokio runtime, then call
    /// [`run`](Self::run). Peers are served by threads of the daemon's own, as many as
    /// [`Settings::threads`] says; HTTP and background tasks run in the caller's
    /// runtime.
    ///
    /// # Errors
    /// When the certificate or the ban file cannot be used, the state directory cannot be read or
    /// written, or a socket cannot be opened; the error says what to do.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        let certificates = Certificates::load(&settings)?;
        let ban_file = files::Look::new(settings.ban_file.iter().cloned().collect());
        let rules = Rules::load(&settings)?;
        let cluster = &settings.cluster;
        let role = cluster.is_on().then(|| Role::of(cluster.role));
        let metrics = Metrics::new(role);
        let handed_over = &metrics.handed_over();
        let (shards, threads) = Shards::open(&settings, &certificates, &rules.limits, handed_over)?;
        let web = http::open(&settings)?;
        let cluster = cluster.is_on().then(|| Arc::new(View::new(cluster)));
        let (feeds, registry) = list(&rules.limits, cluster.is_some());
        registry.set_rows(rules.limits.max_listed_per_prefix, rules.trusted.clone());
        let (names, inputs) = settings.names.is_on.then(Door::new).unzip();
        let shared = Arc::new(Shared {
            shards,
            certificates,
            registry,
            feeds,
            settings,
            rules: watch::Sender::new(Arc::new(rules)),
            admission: Admission::default(),
            metrics,
            whereabouts: Whereabouts::default(),
            cluster,
            names,
        });
        let http = web.as_ref().and_then(|web| web.local_addr().ok());
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let vital = Vital::default();
        let threads = threads
            .start(&shared.shards, &closing, &tasks, &vital)
            .inspect_err(|_| closing.cancel())?;
        let daemon = Self {
            shared,
            threads,
            background: CancellationToken::new(),
            closing,
            tasks,
            vital,
            http,
            #[cfg(feature = "cluster")]
            leaving: driver::Leaving::default(),
        };
        daemon.spawn_background_tasks(ban_file);
        if let Some(inputs) = inputs {
            daemon.spawn_names(inputs);
        }
        if let Some(listener) = web {
            let web = http::Web::new(daemon.shared.clone(), daemon.closing.clone());
            let sweep = http::sweep(web.clone());
            let sweep = daemon.background.clone().run_until_cancelled_owned(sweep);
            daemon.vital.spawn("sweeping announced servers", sweep);
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
        for (endpoint, runtime) in shared.shards.iter() {
            let endpoint = endpoint.clone();
            let accept = accept::run(endpoint, shared.clone(), closing.clone(), tasks.clone());
            let accept = closing.clone().run_until_cancelled_owned(accept);
            let _entered = runtime.enter();
            vital.spawn("accepting peers", accept);
        }
        let looking = shared.clone();
        let look = async move { looking.whereabouts.run().await };
        let look = background.clone().run_until_cancelled_owned(look);
        vital.spawn("looking for servers whose address changes", look);
        #[cfg(feature = "cluster")]
        if let Some(view) = &shared.cluster {
            let (shared, view, leaving) = (shared.clone(), view.clone(), self.leaving.clone());
            let share = driver::run(shared, view, leaving, closing.clone());
            vital.spawn("sharing the list with the cluster", share);
        }
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

    fn spawn_names(&self, inputs: names::Inputs) {
        let shared = self.shared.clone();
        let store = Store::new(
            &shared.settings.state_dir,
            shared.certificates.proofs().daemon(),
        );
        let drive = names::run(shared, Arc::new(store), inputs, self.closing.clone());
        self.vital.spawn("deciding who owns names", drive);
    }

    /// Serves until `until` completes. Then tells every peer to reconnect soon, and returns when
    /// all have been told, or after 5 s.
    ///
    /// Await it in the future that the runtime blocks on, `runtime.block_on(daemon.run(...))`,
    /// rather than in a spawned task. The frames for clients are made here, beside `until`, and
    /// this keeps them off the runtime's workers.
    ///
    /// Dropping the future stops the daemon without waiting: its threads tell the peers, close the
    /// sockets and end, within 5 s. `until` is dropped before peers are told.
    ///
    /// # Errors
    /// When a task that the daemon cannot run without has ended because of a defect. The error has
    /// been logged, and peers have been told to reconnect.
    pub async fn run(mut self, until: impl Future<Output = ()>) -> Result<(), Stopped> {
        let shared = self.shared.clone();
        let observe = |took| shared.metrics.tick(took);
        let stopped = tokio::select! {
            () = until => None,
            () = shared.feeds.run_observed(shared.settings.tick, observe) => None,
            stopped = self.vital.stopped() => Some(stopped),
        };
        if let Some(stopped) = &stopped {
            tracing::error!("stopping because of a defect: {stopped}");
        }
        // Frames stop first: otherwise clients would see the list empty out. So do messages to other
        // members, whose lists would.
        #[cfg(feature = "cluster")]
        if self.shared.cluster.is_some() {
            self.leaving.leave().await;
        }
        self.drain().await;
        stopped.map_or(Ok(()), Err)
    }

    /// The address that the daemon listens on, with the actual port if the settings asked for port
    /// 0.
    ///
    /// # Errors
    /// When the operating system does not report the address.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.shared.shards.local_addr()
    }

    /// The address that HTTP is served on, if it is.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The fingerprint of the certificate that new connections are shown.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.certificates.fingerprint()
    }

    /// The feeds that the clients of this daemon follow.
    #[must_use]
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.shared.feeds
    }

    /// The registry of this daemon's servers.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.shared.registry
    }

    /// Stops accepting peers and asks all tasks to end.
    fn close(&self) {
        self.background.cancel();
        self.shared.shards.set_server_config(None);
        self.closing.cancel();
        self.tasks.close();
    }

    /// Tells every peer to reconnect soon. Returns when all have been told, or after 5 s.
    async fn drain(&mut self) {
        tracing::info!("stopping: telling every peer to reconnect soon");
        self.close();
        match self.threads.wait().await {
            true => tracing::info!("stopped: every peer was told"),
            false => tracing::warn!("stopped: not every peer could be told in {DRAIN_TIMEOUT:?}"),
        }
    }
}

/// What clients follow, and the list; of a daemon by itself, or of a member of a cluster.
fn list(limits: &Limits, clustered: bool) -> (Arc<Feeds>, Arc<Registry>) {
    if !clustered {
        let feeds = Feeds::new();
        let registry = Registry::new(limits.max_games, vec![feeds.clone()]);
        return (feeds, registry);
    }
    let clock = Arc::new(Clock::new(fastrand::u16(..)));
    let feeds = Feeds::clustered(clock.clone());
    let registry = Registry::clustered(limits.max_games, vec![feeds.clone()], clock);
    registry.set_max_foreign(limits.cluster_max_servers);
    (feeds, registry)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without its accepting task a daemon would look alive: its socket answers and its list is
    /// shown.
    #[tokio::test]
    async fn a_daemon_stops_when_its_accepting_task_ends() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            http: crate::settings::Http::Off,
            ..Settings::new(directory.path().to_owned())
        });
        let daemon = daemon.unwrap();
        let (first, _) = daemon.shared.shards.iter().next().unwrap();
        first.close(0_u32.into(), b"");
        let stopped = daemon.run(std::future::pending()).await;
        let stopped = stopped.expect_err("a daemon that accepts nobody must stop");
        assert_eq!(stopped.to_string(), "accepting peers has stopped: it ended");
    }
}

//! A whole world in one process: a daemon, all roles, two zone hosts, a page and a prompt.
//!
//! Each host has a runtime of its own, so that the prompt can kill it as a crash would: nothing of
//! it runs any further, and nothing is released.

mod hosts;

use crate::{
    accounts::{self, Accounts, keys::Keys},
    cli::{self, Ended},
    client,
    command_line::{daemon_settings, shared},
    content::Content,
    gateway::{self, Gateway},
    log::{Log, memory::MemoryLog},
    scheduler, zone,
};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use futures::{
    FutureExt,
    future::{Fuse, FusedFuture},
};
use hosts::Hosts;
use metaserve::{Fingerprint, program::announce};
use metaserve_client::names::{Connector, Names};
use metaserve_daemon::Daemon;
use std::{
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many ports after the one that was asked for are tried for the page.
const PORTS: u16 = 20;

/// The settings of `realm dev`.
///
/// With commands on standard input it carries them out and ends. If standard input is empty, such
/// as </dev/null, it runs until Ctrl-C or SIGTERM.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Serve the page on this address (TCP), or on the next port that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Keep the keys and the database here. A clean end saves the world to the database; a crash
    /// loses what was not saved in the last seconds, since the log is in memory
    #[arg(long, value_name = "DIR", default_value = "realm-state")]
    pub state: PathBuf,

    /// Take maps and scripts from this folder. Scripts are read again when they are edited [default:
    /// those of the source tree, or else those in the program]
    #[arg(long, value_name = "DIR")]
    pub content: Option<PathBuf>,

    /// Let objects pass through each other
    #[arg(long)]
    pub no_physics: bool,
}

/// What connects to the daemon of the process.
#[derive(Clone, Debug)]
struct Way {
    address: SocketAddr,
    fingerprint: Fingerprint,
}

impl Way {
    /// A connection of its own, in this runtime.
    fn names(&self) -> Names {
        let daemon = Connector::to(self.address.to_string());
        Names::maintain(daemon.fingerprint(self.fingerprint))
    }
}

/// Something that runs until it is told to stop.
struct Part {
    what: &'static str,
    stop: CancellationToken,
    task: Fuse<JoinHandle<anyhow::Result<()>>>,
}

impl Part {
    fn start<F>(what: &'static str, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone())).fuse();
        Self { what, stop, task }
    }

    /// Waits until it ends by itself, which it should not.
    async fn ended(&mut self) -> anyhow::Error {
        let what = self.what;
        match (&mut self.task).await {
            Ok(Ok(())) => anyhow!("{what} has ended"),
            Ok(Err(error)) => error.context(format!("{what} has failed")),
            Err(error) => anyhow!("{what} has failed: {error}"),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        if self.task.is_terminated() {
            return;
        }
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{}: {error:#}", self.what),
            Err(error) => tracing::warn!("{}: {error}", self.what),
        }
    }
}

/// A world that runs in this process.
pub struct World {
    url: String,
    log: Arc<dyn Log>,
    gateway: Part,
    scheduler: Part,
    hosts: Arc<Hosts>,
    accounts: Part,
    daemon: Part,
    _lock: File,
}

impl World {
    /// Starts all roles. Call it inside a runtime with several threads.
    ///
    /// # Errors
    /// The state directory or the content cannot be used, or is used by another process.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let state = &settings.state;
        let keys = Keys::in_directory(state)?;
        let lock = lock(state)?;
        let content = Content::load(settings.content.as_deref())?;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));

        // It remembers nothing of an earlier world, whose owners ended with it: otherwise it would
        // wait 15 s for them to come back.
        let daemon_state = tempfile::tempdir().context("cannot make a directory for the daemon")?;
        let mut daemon = daemon_settings(state, anywhere);
        daemon.state_dir = daemon_state.path().to_owned();
        let daemon = Daemon::start(daemon)?;
        let way = Way {
            address: daemon.local_address()?,
            fingerprint: daemon.fingerprint(),
        };
        let daemon = Part::start("the daemon", |stop| async move {
            let _state = daemon_state;
            daemon.run(stop.cancelled()).await?;
            Ok(())
        });

        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let names = way.names();
        let accounts = accounts::Settings::new(state);
        let accounts = Accounts::start(accounts, log.clone(), names.clone()).await?;
        let accounts = Part::start("accounts", |stop| async move {
            let done = accounts.run(stop).await;
            names.close().await;
            done
        });

        let host = zone::Settings {
            no_physics: settings.no_physics,
            ..zone::Settings::default()
        };
        let pass = keys.pass;
        let hosts = Hosts::start(host, way.clone(), log.clone(), pass.clone(), content).await?;

        let names = way.names();
        let all = shared(log.clone(), names.clone(), &pass);
        let scheduler = Part::start("the scheduler", |stop| async move {
            let done = scheduler::run(all, scheduler::Settings::default(), stop).await;
            names.close().await;
            done
        });

        let names = way.names();
        let all = shared(log.clone(), names.clone(), &pass);
        let gateway = page(settings.listen, &all).await?;
        let url = gateway.url();
        let gateway = Part::start("the gateway", |stop| async move {
            let done = gateway.run(stop).await;
            names.close().await;
            done
        });
        ready(&url).await?;
        Ok(Self {
            url,
            log,
            gateway,
            scheduler,
            hosts,
            accounts,
            daemon,
            _lock: lock,
        })
    }

    /// Where the page is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its hosts, which can be killed.
    #[must_use]
    pub fn hosts(&self) -> Arc<dyn cli::Hosts> {
        self.hosts.clone()
    }

    /// Completes when a part of it has failed.
    async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.gateway.ended() => error,
            error = self.scheduler.ended() => error,
            error = self.accounts.ended() => error,
            error = self.daemon.ended() => error,
        }
    }

    /// Stops all roles, players first, and saves the world.
    pub async fn stop(self) {
        self.gateway.stop().await;
        self.scheduler.stop().await;
        self.hosts.stop().await;
        self.accounts.stop().await;
        self.daemon.stop().await;
    }
}

/// Runs a world with a prompt, until the player quits or `until` is cancelled.
///
/// # Errors
/// The world cannot be started, a part of it fails, or a command from a pipe fails.
pub async fn run(settings: Settings, until: CancellationToken) -> anyhow::Result<()> {
    let mut world = World::start(&settings).await?;
    announce(format!(
        "the page is at {}/\nthe state is in {}; {}\n",
        world.url(),
        settings.state.display(),
        world.log.describe()
    ));
    let prompt = cli::Settings {
        gateway: vec![world.url().to_owned()],
    };
    let hosts = world.hosts();
    let play = async {
        match cli::run(&prompt, Some(hosts), &until).await? {
            Ended::Done => {}
            Ended::Nothing => until.cancelled().await,
        }
        Ok(())
    };
    let done = tokio::select! {
        done = play => done,
        error = world.failed() => Err(error),
    };
    world.stop().await;
    done
}

/// Waits until players can log in and enter the zone in which they begin.
async fn ready(url: &str) -> anyhow::Result<()> {
    let gateways = [url.to_owned()];
    for path in ["api/openapi.json", &format!("zones/{}", accounts::START)] {
        let answer = client::get::<serde_json::Value>(&gateways, path).await;
        answer
            .with_context(|| format!("the world has not started: {url}/{path} does not answer"))?;
    }
    Ok(())
}

/// Keeps a second process away from the state directory.
fn lock(state: &Path) -> anyhow::Result<File> {
    let path = state.join("dev.lock");
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another `realm dev` runs with {}: end it, or give another directory with --state",
            state.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Whether another socket has the address.
fn is_taken(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|it| it.kind() == io::ErrorKind::AddrInUse)
}

/// A gateway on this address, or on the next port that is free.
async fn page(listen: SocketAddr, all: &crate::shared::Shared) -> anyhow::Result<Gateway> {
    let first = listen.port();
    let last = if first == 0 {
        0
    } else {
        first.saturating_add(PORTS)
    };
    let mut failed = None;
    for port in first..=last {
        let settings = gateway::Settings {
            listen: SocketAddr::new(listen.ip(), port),
            ..gateway::Settings::default()
        };
        match Gateway::start(settings, all.clone()).await {
            Ok(gateway) => {
                if port != first {
                    announce(format!("port {first} is taken\n"));
                }
                return Ok(gateway);
            }
            Err(error) if is_taken(&error) => failed = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(failed.unwrap_or_else(|| anyhow!("no port is free for the page")))
}

//! A world's daemon in this process, for tests: everything on ports that the system chooses, in a
//! directory that goes away with it.

mod log;

pub use log::FaultyLog;

use crate::{
    ids::{Name, ZoneId},
    keeper::{Character, Keeper, KeeperError},
    log::{Log, Stored},
    shared::Shared,
    tickets::{AUDIENCE, Tickets},
    zone::Host,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::poll;
use metaserve_client::names::{Connector, Names};
use metaserve_daemon::settings::Http;
use metaserve_ticket::{Claims, Issuer, PublicKeys, SecretKey};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// A daemon that keeps names and asks for no tickets, and the issuer of the players' tickets. It
/// ends when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    issuer: Issuer,
    address: SocketAddr,
    fingerprint: metaserve::Fingerprint,
    directory: TempDir,
    _task: AbortOnDropHandle<()>,
}

impl Daemon {
    /// Starts one. Call it inside a runtime.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the daemon");
        let mut settings = metaserve_daemon::Settings::new(directory.path().join("daemon"));
        settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.http = Http::Off;
        settings.threads = Some(1);
        settings.names.is_on = true;
        let daemon = metaserve_daemon::Daemon::start(settings).expect("a daemon");
        Self {
            issuer: Issuer::new(SecretKey::generate()),
            address: daemon.local_address().expect("its address"),
            fingerprint: daemon.fingerprint(),
            directory,
            _task: AbortOnDropHandle::new(tokio::spawn(async move {
                let _ = daemon.run(std::future::pending()).await;
            })),
        }
    }

    /// A connection for names, as each process has one of its own.
    #[must_use]
    pub fn names(&self) -> Names {
        let daemon = Connector::to(self.address.to_string()).fingerprint(self.fingerprint);
        Names::maintain(daemon)
    }

    /// What a role of a process shares: a connection of its own, this log and this keeper.
    #[must_use]
    pub fn shared(&self, log: Arc<dyn Log>, keeper: Arc<dyn Keeper>) -> Shared {
        Shared {
            log,
            names: self.names(),
            tickets: Tickets::new(PublicKeys::from_iter([self.issuer.public()])),
            keeper,
            ticket: Bytes::new(),
        }
    }

    /// A ticket with these scopes that is valid for an hour: `["login"]` for a player.
    ///
    /// # Panics
    /// The scopes are none.
    #[must_use]
    pub fn ticket(&self, subject: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|it| it.parse().expect("a scope"));
        #[expect(clippy::disallowed_methods, reason = "a ticket is valid from now on")]
        let now = SystemTime::now();
        let hour = Duration::from_secs(3_600);
        let claims = Claims::new(subject, AUDIENCE, scopes.collect(), now, hour);
        self.issuer.issue(&claims).expect("a ticket")
    }

    /// Where files may be written that go away with the daemon.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Runs a zone host whose connection for names this is, once the daemon knows its offer to start
/// zones: nobody can have one started before.
///
/// # Panics
/// The host ends at once, or the daemon does not answer.
pub async fn run_host(host: Host, names: &Names, until: CancellationToken) -> Running {
    let mut run = Box::pin(host.run(until));
    // It makes its offer; the daemon knows that when it answers a question that comes after it.
    assert!(poll!(&mut run).is_pending(), "the host has ended");
    let question = names.resolve("known");
    question.await.expect("an answer of the daemon");
    tokio::spawn(run)
}

/// A task that runs a role.
pub type Running = JoinHandle<anyhow::Result<()>>;

/// A keeper without a database: it knows what it is told.
#[derive(Debug, Default)]
pub struct MemoryKeeper {
    /// Characters, by folded name.
    pub characters: Mutex<HashMap<Name, Character>>,
    /// Zones as they were saved.
    pub zones: Mutex<HashMap<ZoneId, Stored>>,
    /// Whether it does not answer.
    pub is_away: AtomicBool,
}

impl MemoryKeeper {
    /// One that knows nothing.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn answers(&self) -> Result<(), KeeperError> {
        match self.is_away.load(SeqCst) {
            true => Err(KeeperError::Away("it was told not to answer".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Keeper for MemoryKeeper {
    async fn character(&self, _: &str, name: &Name) -> Result<Character, KeeperError> {
        self.answers()?;
        let known = self.characters.lock().get(&name.folded()).cloned();
        known.ok_or_else(|| KeeperError::NoCharacter(name.clone()))
    }

    async fn zone(&self, zone: &ZoneId) -> Result<Option<Stored>, KeeperError> {
        self.answers()?;
        Ok(self.zones.lock().get(zone).cloned())
    }
}

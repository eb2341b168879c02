//! Puts game servers on the daemons' lists.
//!
//! Each server has an identity of its own, a directory with its name, so that it keeps its place in
//! the list through restarts of the agent. All share one UDP socket.

use bytes::Bytes;
use futures::{Stream, stream};
use metaserve::protocol::{heartbeat::NoticeKind, session::Notice};
use metaserve::{
    ArgumentError, Fingerprint, Game, Identity, PublishArgs, client_endpoint, printable,
    tls::FileError,
};
use metaserve_heartbeat::{Connector, Status};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long after an error that connecting again cannot mend it is tried anyway: somebody may have
/// mended it.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long a goodbye may take, for each server and for all of them together.
const GOODBYE: Duration = Duration::from_secs(5);

/// The most identities in the state directory, of a few KB each, beyond which what games tell makes
/// no further one. A program that names endlessly many games fills no disk.
pub(crate) const MAX_IDENTITIES: usize = 4096;

/// Publishes servers at the daemons. Clones publish at the same ones, over the same socket.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connector: Connector,
    endpoint: quinn::Endpoint,
    identities: PathBuf,
    tasks: TaskTracker,
    open: Mutex<HashMap<String, Open>>,
}

/// A server whose task has not ended.
#[derive(Debug)]
struct Open {
    heartbeats: watch::Receiver<Bytes>,
    ended: CancellationToken,
}

/// A server on the daemons' lists, or on its way there. Dropped, it leaves them.
#[derive(Debug)]
pub struct Listing {
    heartbeats: watch::Sender<Bytes>,
    standing: watch::Receiver<Standing>,
    identity: Fingerprint,
}

/// How a server's connection to the daemons stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// The first attempt to connect has not ended.
    #[default]
    Connecting,
    /// The daemon has accepted the server. With several connections one may have a problem.
    Live {
        /// The problem.
        problem: Option<String>,
    },
    /// The daemon has accepted the server, and has said for what reason it does not list it, such
    /// as that its address has as many servers in the list as it may have. The daemon lists it when
    /// there is room, and does not say so.
    Unlisted(String),
    /// There is no connection, for this reason; it is tried again.
    Waiting(String),
}

/// A server cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is published already.
    #[error("the server {0} is published already")]
    Twice(String),
    /// Its identity can neither be read nor made.
    #[error("cannot use the identity in the state directory")]
    Identity(#[from] FileError),
}

/// The daemons cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublisherError {
    /// A name or the trust cannot be used.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// No UDP socket can be opened.
    #[error("cannot open a UDP socket")]
    Socket(#[from] std::io::Error),
}

impl Publisher {
    /// Prepares publishing at these daemons. The servers' identities are kept in
    /// `state_dir/identities`. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When a daemon's name or the trust cannot be used, or no UDP socket can be opened.
    pub fn new(daemons: &PublishArgs, state_dir: &Path) -> Result<Self, PublisherError> {
        let endpoint = client_endpoint()?;
        let connector = daemons.connector()?.endpoint(endpoint.clone());
        Ok(Self(Arc::new(Shared {
            connector,
            endpoint,
            identities: state_dir.join("identities"),
            tasks: TaskTracker::new(),
            open: Mutex::default(),
        })))
    }

    /// Publishes a server: from its first [`heartbeat`](Listing::heartbeat) on it is listed, until
    /// the [`Listing`] is dropped. `name` is that of the directory of its identity, which is made
    /// when it is missing. Call it inside a tokio runtime; it reads and writes files.
    ///
    /// # Errors
    /// When a server with this name is published already, or its identity cannot be used.
    pub fn open(&self, name: &str, game: Game, port: u16) -> Result<Listing, OpenError> {
        let identity = Identity::load_or_create(&self.0.identities.join(name), &[])?;
        let fingerprint = identity.fingerprint();
        let connector = self.0.connector.clone().identity(identity);
        let (heartbeats, newest) = watch::channel(Bytes::new());
        let (tell, standing) = watch::channel(Standing::default());
        let ended = CancellationToken::new();
        let before = {
            let mut open = self.0.open();
            // One that was dropped may still be saying goodbye.
            if open
                .get(name)
                .is_some_and(|it| it.heartbeats.has_changed().is_ok())
            {
                return Err(OpenError::Twice(name.to_owned()));
            }
            let now = Open {
                heartbeats: newest.clone(),
                ended: ended.clone(),
            };
            open.insert(name.to_owned(), now)
        };
        let task = Task {
            name: name.to_owned(),
            game,
            port,
            connector,
            newest,
            tell,
        };
        let shared = self.0.clone();
        self.0.tasks.spawn(async move {
            if let Some(before) = before {
                before.ended.cancelled().await;
            }
            let name = task.name.clone();
            task.run().await;
            ended.cancel();
            let mut open = shared.open();
            if open.get(&name).is_some_and(|it| it.ended.is_cancelled()) {
                open.remove(&name);
            }
        });
        Ok(Listing {
            heartbeats,
            standing,
            identity: fingerprint,
        })
    }

    /// Whether there is an identity with this name, or room for one more.
    pub(crate) fn has_room_for(&self, name: &str) -> bool {
        let identities = &self.0.identities;
        let number = || std::fs::read_dir(identities).map_or(0, Iterator::count);
        identities.join(name).exists() || number() < MAX_IDENTITIES
    }

    /// Waits until all listings that were dropped have said goodbye, for at most 5 s.
    pub async fn close(&self) {
        self.0.tasks.close();
        let said = tokio::time::timeout(GOODBYE, self.0.tasks.wait()).await;
        if said.is_err() {
            tracing::warn!("stopped: not every server could say goodbye in {GOODBYE:?}");
        }
        self.0.endpoint.close(0_u32.into(), b"");
        let _ = tokio::time::timeout(Duration::from_secs(1), self.0.endpoint.wait_idle()).await;
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listing {
    /// Publishes this heartbeat instead of the one before. Daemons are told at most once in their
    /// minimal interval, and nothing when the bytes are the same.
    pub fn heartbeat(&self, heartbeat: Bytes) {
        self.heartbeats.send_if_modified(|newest| {
            let is_new = *newest != heartbeat;
            *newest = heartbeat;
            is_new
        });
    }

    /// How its connection stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// How its connection stands, each time that this changes.
    #[must_use]
    pub fn standings(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// By which the server is known in the list.
    #[must_use]
    pub fn identity(&self) -> Fingerprint {
        self.identity
    }
}

/// Keeps one server on the lists.
struct Task {
    name: String,
    game: Game,
    port: u16,
    connector: Connector,
    newest: watch::Receiver<Bytes>,
    tell: watch::Sender<Standing>,
}

impl Task {
    /// Publishes until the listing is dropped.
    async fn run(self) {
        let told = Arc::new(Mutex::new(Told::new(&self.name)));
        loop {
            let tell = self.tell.clone();
            let (of_status, of_notice) = (told.clone(), told.clone());
            let tell_notice = self.tell.clone();
            let published = metaserve_heartbeat::maintain(&self.connector)
                .game(self.game.as_str())
                .port(self.port)
                .on_status(move |status| {
                    let standing = lock(&of_status).hear(&status);
                    tell.send_replace(standing);
                })
                .on_notice(move |notice| {
                    if let Some(standing) = lock(&of_notice).notice(&notice) {
                        tell_notice.send_replace(standing);
                    }
                })
                .run(follow(self.newest.clone()));
            let ended = tokio::select! {
                ended = published => ended,
                () = dropped_for(self.newest.clone(), GOODBYE) => return,
            };
            let Err(error) = ended else { return };
            let reason = printable(&error.to_string());
            self.tell.send_replace(Standing::Waiting(reason.clone()));
            lock(&told).failed(&reason);
            tokio::select! {
                () = tokio::time::sleep(AGAIN_AFTER) => {}
                () = dropped_for(self.newest.clone(), Duration::ZERO) => return,
            }
        }
    }
}

/// Says each change in the log once, and not each attempt.
struct Told {
    server: String,
    problem: Option<String>,
    was_live: bool,
    /// Why the daemon does not list it, as it has said since they are connected.
    unlisted: Option<String>,
}

impl Told {
    fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            problem: None,
            was_live: false,
            unlisted: None,
        }
    }

    /// Logs a status if it is news.
    fn hear(&mut self, status: &Status) -> Standing {
        let server = &*self.server;
        match status {
            Status::Live { problem } => {
                if !self.was_live {
                    tracing::info!(server, "connected to the daemon");
                }
                if let Some(problem) = problem.as_ref().filter(|it| self.is_news(it)) {
                    tracing::warn!(server, "connected to the daemon, but {problem}");
                }
                self.was_live = true;
                self.problem.clone_from(problem);
                match &self.unlisted {
                    Some(reason) => Standing::Unlisted(reason.clone()),
                    None => Standing::Live {
                        problem: problem.clone(),
                    },
                }
            }
            Status::Waiting { error, .. } => {
                if self.is_news(error) {
                    tracing::warn!(server, "not connected to the daemon: {error}; still trying");
                }
                self.was_live = false;
                self.unlisted = None;
                self.problem = Some(error.clone());
                Standing::Waiting(error.clone())
            }
            _ => match &self.problem {
                Some(problem) => Standing::Waiting(problem.clone()),
                None => Standing::Connecting,
            },
        }
    }

    /// Logs a notice of the daemon. Returns how the server stands if that is not as it was.
    fn notice(&mut self, notice: &Notice) -> Option<Standing> {
        let (server, kind, text) = (&*self.server, notice.kind, &*notice.text);
        tracing::warn!(server, ?kind, "notice from the daemon: {text}");
        (kind == NoticeKind::NotListed).then(|| {
            self.unlisted = Some(text.to_owned());
            Standing::Unlisted(text.to_owned())
        })
    }

    /// Logs an error that the library gives up for.
    fn failed(&mut self, reason: &str) {
        let server = &*self.server;
        tracing::error!(
            server,
            "not on the list: {reason}; trying again in {AGAIN_AFTER:?}"
        );
        self.was_live = false;
        self.unlisted = None;
        self.problem = Some(reason.to_owned());
    }

    fn is_news(&self, problem: &str) -> bool {
        self.problem.as_deref() != Some(problem)
    }
}

/// The newest heartbeat, each time that there is one, until the listing is dropped.
fn follow(newest: watch::Receiver<Bytes>) -> impl Stream<Item = Bytes> {
    stream::unfold((newest, true), |(mut newest, first)| async move {
        // After an error the new connection begins with what there is.
        let known = first && !newest.borrow().is_empty();
        if !known {
            newest.changed().await.ok()?;
        }
        let heartbeat = newest.borrow_and_update().clone();
        Some((heartbeat, (newest, false)))
    })
}

/// Completes when the listing has been dropped for some time.
async fn dropped_for(mut newest: watch::Receiver<Bytes>, time: Duration) {
    while newest.changed().await.is_ok() {}
    tokio::time::sleep(time).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

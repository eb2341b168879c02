//! What is known of each game server, and whether it is on the list.
//!
//! ```text
//!  answers to queries ──┐
//!                       ├──▶ state::State, pure ──▶ publish::Listing
//!  what games push ─────┘
//! ```

mod ask;
mod entry;
mod kept;
pub(crate) mod place;
mod state;

use crate::{
    publish::{MAX_IDENTITIES, OpenError, Publisher, Standing},
    settings::Server,
};
use ask::Answer;
use bytes::Bytes;
use entry::Entry;
use kept::{HOLDS, Kept};
use metaserve::{Fingerprint, Game, ServerInfo, time};
use state::Event;
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// All game servers of the agent: those of the settings, and those that games have told of. Clones
/// are the same servers.
#[derive(Clone, Debug)]
pub struct Servers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    publisher: Publisher,
    kept: Kept,
    max_pushed: usize,
    entries: Mutex<Entries>,
}

type Entries = BTreeMap<Key, Entry>;

/// A server's game and the port that players join by.
type Key = (Game, u16);

/// The first queries of all servers are spread over this time.
const SPREAD: Duration = Duration::from_secs(1);

/// How many servers there are. As text it is a line for people:
///
/// ```
/// use metaserve_agent::watch::Count;
///
/// let count = Count { all: 3, listed: 1, unlisted: 1 };
/// let line = "1 of 3 servers on the list, 1 was told to wait for room";
/// assert_eq!(count.to_string(), line);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them: those of the settings, and those that are pushed.
    pub all: usize,
    /// Those that a daemon has in its list.
    pub listed: usize,
    /// Those that the daemon has accepted, but said that it does not list: their address has as
    /// many servers in the list as it may have. It lists them when there is room, and does not say
    /// so.
    pub unlisted: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} servers on the list", self.listed, self.all)?;
        match self.unlisted {
            0 => Ok(()),
            1 => f.write_str(", 1 was told to wait for room"),
            count => write!(f, ", {count} were told to wait for room"),
        }
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Whether the server was not on the list before.
    pub is_new: bool,
    /// Whether a daemon has it in its list at this moment.
    pub is_listed: bool,
    /// By which it is known in the list.
    pub identity: Fingerprint,
}

/// What a game has told cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The settings have such a server, which is asked: only its answers count.
    #[error(
        "the agent asks the server of this game and port itself ({0} in its settings), and lists \
         what that answers"
    )]
    Asked(String),
    /// There are as many servers as `--max-pushed` allows.
    #[error("{0} servers are pushed already, as many as --max-pushed allows")]
    Full(usize),
    /// The state directory has as many identities as it may have.
    #[error(
        "the agent keeps {0} identities already: remove those of former servers from \
         STATE-DIR/identities"
    )]
    Identities(usize),
    /// The server cannot be published.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Servers {
    /// No servers yet, to be published by this publisher. What Luanti servers announce is kept in
    /// `state_dir/announced`.
    #[must_use]
    pub fn new(publisher: Publisher, state_dir: &Path, max_pushed: usize) -> Self {
        Self(Arc::new(Shared {
            publisher,
            kept: Kept(state_dir.join("announced")),
            max_pushed,
            entries: Mutex::default(),
        }))
    }

    /// Replaces the servers of the settings. Those that are the same are not touched. Call it inside
    /// a tokio runtime: a task asks each server, for the first time within a second.
    pub fn adopt(&self, servers: Vec<Server>) {
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let mut entries = self.entries();
        let key = |server: &Server| (server.game.clone(), server.port);
        entries.retain(|_, entry| {
            let stays = !entry.is_set || servers.iter().any(|it| entry.can_become(it));
            if !stays {
                let name = &*entry.server.name;
                tracing::info!(server = name, "no longer in the settings");
                self.0.kept.forget(name);
            }
            stays
        });
        for (place, server) in (0..).zip(servers) {
            let key = key(&server);
            let known = entries.remove(&key).filter(|it| it.can_become(&server));
            let is_same = known
                .as_ref()
                .is_some_and(|it| it.is_set && *it.server == server);
            let server = Arc::new(server);
            let mut entry = known.unwrap_or_else(|| self.entry(&server));
            if !is_same {
                entry.set(server.clone());
                // So that not all are asked at the same time.
                let delay = SPREAD * place / count.max(1);
                entry.asking = self.ask(server, delay);
            }
            entries.insert(key, entry);
        }
    }

    /// The server of the settings with this game and port.
    #[must_use]
    pub fn find(&self, game: &Game, port: u16) -> Option<Arc<Server>> {
        let entries = self.entries();
        let entry = entries.get(&(game.clone(), port)).filter(|it| it.is_set);
        entry.map(|it| it.server.clone())
    }

    /// Takes in what a game tells of itself. It is published until `ttl` is over; what the operator
    /// overrides is applied. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the agent asks the server itself, there are too many servers that no setting names, or
    /// this one cannot be published.
    pub fn push(
        &self,
        game: &Game,
        port: u16,
        heartbeat: Bytes,
        ttl: Duration,
    ) -> Result<Pushed, PushError> {
        let (now, key) = (time::now(), (game.clone(), port));
        let mut entries = self.entries();
        if !entries.contains_key(&key) {
            let most = self.0.max_pushed;
            if entries.values().filter(|it| !it.is_set).count() >= most {
                return Err(PushError::Full(most));
            }
            let server = Server::pushed(game.clone(), port);
            if !self.0.publisher.has_room_for(&server.name) {
                return Err(PushError::Identities(MAX_IDENTITIES));
            }
            entries.insert(key.clone(), Entry::new(server.into()));
        }
        let entry = entries.get_mut(&key).expect("it is there, or was inserted");
        if entry.server.query.is_some() {
            return Err(PushError::Asked(entry.server.name.clone()));
        }
        let published = entry.server.overrides.apply(heartbeat);
        entry.tell_left_out(&published.left_out);
        let event = Event::Pushed {
            heartbeat: published.heartbeat,
            until: now + ttl,
        };
        let was_listed = entry.listing.is_some();
        let handled = entry.handle(&self.0.publisher, event, now);
        let identity = entry.listing.as_ref().map(|it| it.identity());
        let is_listed = matches!(entry.standing(), Some(Standing::Live { .. }));
        let is_lost = !entry.is_set && identity.is_none();
        if is_lost {
            entries.remove(&key);
        }
        handled?;
        Ok(Pushed {
            is_new: !was_listed,
            is_listed,
            identity: identity.expect("what is pushed is published"),
        })
    }

    /// Takes in what a Luanti server tells of itself, which is shown in place of its answers for
    /// 650 s, while it answers; or that it ends. False when no server of the settings is asked as
    /// Luanti with this port.
    pub fn describe(&self, port: u16, info: Option<ServerInfo>) -> bool {
        let now = time::now();
        let mut entries = self.entries();
        let described = entries.values_mut().find(|it| it.server.is_luanti(port));
        let Some(entry) = described else {
            return false;
        };
        let name = entry.server.name.clone();
        let event = match info.clone() {
            Some(info) => entry.described(info, now + HOLDS),
            None => Event::Withdrawn,
        };
        // What cannot be published is logged, and tried again with the next answer.
        let _ = entry.handle(&self.0.publisher, event, now);
        drop(entries);
        let Some(info) = info else {
            self.0.kept.forget(&name);
            return true;
        };
        if let Err(error) = self.0.kept.keep(&name, &info, time::wall_clock()) {
            tracing::warn!(
                server = name,
                "after a restart of the agent its name will not be known until it announces itself \
                 again: cannot write {}: {error}",
                self.0.kept.0.display()
            );
        }
        true
    }

    /// Takes a pushed server off the list; one that is asked as well returns if it still answers
    /// after 10 s. False when nothing was pushed.
    pub fn withdraw(&self, game: &Game, port: u16) -> bool {
        let key = (game.clone(), port);
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&key).filter(|it| it.state.is_pushed()) else {
            return false;
        };
        // It opens nothing, so that nothing can fail.
        let _ = entry.handle(&self.0.publisher, Event::Withdrawn, time::now());
        if !entry.is_set {
            entries.remove(&key);
        }
        true
    }

    /// Takes servers off the list for which nothing was pushed in time. Call it once a second.
    pub fn sweep(&self, now: Instant) {
        self.entries().retain(|_, entry| {
            if entry.state.is_due(now) {
                let _ = entry.handle(&self.0.publisher, Event::Due, now);
            }
            entry.is_set || entry.state.is_pushed()
        });
    }

    /// How many servers there are, and how many of them are on a list.
    #[must_use]
    pub fn count(&self) -> Count {
        let entries = self.entries();
        let standings = entries.values().filter_map(Entry::standing);
        let mut count = Count {
            all: entries.len(),
            ..Count::default()
        };
        for standing in standings {
            match standing {
                Standing::Live { .. } => count.listed += 1,
                Standing::Unlisted(_) => count.unlisted += 1,
                _ => {}
            }
        }
        count
    }

    /// Takes all servers off the list, and forgets them.
    pub fn clear(&self) {
        self.entries().clear();
    }

    /// An entry for a server, with what it has announced before a restart of the agent.
    fn entry(&self, server: &Arc<Server>) -> Entry {
        let mut entry = Entry::new(server.clone());
        let kept = match server.is_luanti(server.port) {
            true => self.0.kept.find(&server.name, time::wall_clock()),
            false => None,
        };
        if let Some((info, left)) = kept {
            let now = time::now();
            let event = entry.described(info, now + left);
            // Nothing is shown before the first answer.
            let _ = entry.handle(&self.0.publisher, event, now);
        }
        entry
    }

    fn ask(&self, server: Arc<Server>, delay: Duration) -> Option<DropGuard> {
        let target = server.query.clone()?;
        let ended = CancellationToken::new();
        let ask = ask::ask(Arc::downgrade(&self.0), server, target, delay);
        tokio::spawn(ended.clone().run_until_cancelled_owned(ask));
        Some(ended.drop_guard())
    }

    /// Takes in the answer to a query, or why there is none. Returns how long after this query the
    /// next one follows; see [`State::pause`](state::State::pause) for `luck`.
    fn answered(
        &self,
        server: &Arc<Server>,
        answer: Result<Answer, String>,
        luck: f64,
    ) -> Duration {
        let key = (server.game.clone(), server.port);
        let mut entries = self.entries();
        let entry = entries.get_mut(&key);
        // The settings may have changed meanwhile.
        let Some(entry) = entry.filter(|it| Arc::ptr_eq(&it.server, server)) else {
            return server.interval;
        };
        let event = match answer {
            Ok(answer) => entry.answered(answer),
            Err(reason) => Event::Unanswered(reason),
        };
        // What cannot be published is logged, and tried again with the next answer.
        let _ = entry.handle(&self.0.publisher, event, time::now());
        entry.state.pause(server.interval, luck)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

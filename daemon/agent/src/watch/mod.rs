//! What is known of each game server, and whether it is on the list.
//!
//! ```text
//!  answers to queries ──┐
//!                       ├──▶ state::State, pure ──▶ publish::Listing
//!  what games push ─────┘
//! ```

mod ask;
mod state;

pub(crate) use ask::{misdirected, record};

use crate::{
    chain,
    publish::{Listing, MAX_IDENTITIES, OpenError, Publisher, Standing},
    settings::Server,
};
use bytes::Bytes;
use metaserve::{Fingerprint, Game, ServerInfo, printable, time};
use state::{Effect, Event, State};
use std::{
    collections::BTreeMap,
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
    max_pushed: usize,
    entries: Mutex<Entries>,
}

type Entries = BTreeMap<Key, Entry>;

/// A server's game and the port that players join by.
type Key = (Game, u16);

#[derive(Debug)]
struct Entry {
    server: Arc<Server>,
    is_set: bool,
    state: State,
    listing: Option<Listing>,
    /// Why it could not be published the last time.
    refused: Option<String>,
    /// Ends the task that asks the server.
    asking: Option<DropGuard>,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Whether the server was not on the list before.
    pub is_new: bool,
    /// By which it is known in the list.
    pub identity: Fingerprint,
}

/// What a game has told cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
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
    /// No servers yet, to be published by this publisher.
    #[must_use]
    pub fn new(publisher: Publisher, max_pushed: usize) -> Self {
        Self(Arc::new(Shared {
            publisher,
            max_pushed,
            entries: Mutex::default(),
        }))
    }

    /// Replaces the servers of the settings. Those that are the same are not touched. Call it inside
    /// a tokio runtime: a task asks each server.
    pub fn adopt(&self, servers: Vec<Server>) {
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let mut entries = self.entries();
        let key = |server: &Server| (server.game.clone(), server.port);
        entries.retain(|_, entry| {
            // What an answer said holds only while there are further queries.
            let same_place = |it: &&Server| {
                it.name == entry.server.name
                    && key(it) == key(&entry.server)
                    && it.query.is_some() == entry.server.query.is_some()
            };
            let stays = !entry.is_set || servers.iter().any(|it| same_place(&it));
            if !stays {
                tracing::info!(server = entry.server.name, "no longer in the settings");
            }
            stays
        });
        for (place, server) in (0..).zip(servers) {
            let key = key(&server);
            let known = entries
                .remove(&key)
                .filter(|it| it.server.name == server.name);
            let is_same = known
                .as_ref()
                .is_some_and(|it| it.is_set && *it.server == server);
            let server = Arc::new(server);
            let mut entry = known.unwrap_or_else(|| Entry::new(server.clone()));
            if !is_same {
                entry.is_set = true;
                entry.server = server.clone();
                // So that not all are asked at the same time.
                let delay = server.interval * place / count.max(1);
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

    /// Takes in what a game tells of itself. It is published until `ttl` is over, instead of what a
    /// query says; what the operator overrides is applied. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When there are too many servers that no setting names, or this one cannot be published.
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
        let event = Event::Pushed {
            heartbeat: entry.server.overrides.apply(heartbeat),
            until: now + ttl,
        };
        let was_listed = entry.listing.is_some();
        let handled = entry.handle(&self.0.publisher, event, now);
        let identity = entry.listing.as_ref().map(Listing::identity);
        let is_lost = !entry.is_set && identity.is_none();
        if is_lost {
            entries.remove(&key);
        }
        handled?;
        Ok(Pushed {
            is_new: !was_listed,
            identity: identity.expect("what is pushed is published"),
        })
    }

    /// Takes in what a Luanti server tells of itself, which is shown in place of its answers for
    /// `holds`, while it answers; or that it ends. False when no server of the settings is asked as
    /// Luanti with this port.
    pub fn describe(&self, port: u16, info: Option<ServerInfo>, holds: Duration) -> bool {
        let now = time::now();
        let mut entries = self.entries();
        let described = entries.values_mut().find(|it| it.server.is_luanti(port));
        let Some(entry) = described else {
            return false;
        };
        let event = info.map_or(Event::Withdrawn, |info| {
            let record = record(info, &entry.server.overrides);
            Event::Described {
                heartbeat: record.to_json().into(),
                until: now + holds,
            }
        });
        // What cannot be published is logged, and tried again with the next answer.
        let _ = entry.handle(&self.0.publisher, event, now);
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
    pub fn count(&self) -> (usize, usize) {
        let entries = self.entries();
        let live = entries.values().filter(|it| it.is_live());
        (entries.len(), live.count())
    }

    /// Takes all servers off the list, and forgets them.
    pub fn clear(&self) {
        self.entries().clear();
    }

    fn ask(&self, server: Arc<Server>, delay: Duration) -> Option<DropGuard> {
        let target = server.query.clone()?;
        let ended = CancellationToken::new();
        let ask = ask::ask(Arc::downgrade(&self.0), server, target, delay);
        tokio::spawn(ended.clone().run_until_cancelled_owned(ask));
        Some(ended.drop_guard())
    }

    /// Takes in the answer to a query.
    fn answered(&self, server: &Arc<Server>, answer: Result<Bytes, String>) {
        let event = match answer {
            Ok(heartbeat) => Event::Answered(heartbeat),
            Err(reason) => Event::Unanswered(printable(&reason)),
        };
        let key = (server.game.clone(), server.port);
        let mut entries = self.entries();
        let entry = entries.get_mut(&key);
        // The settings may have changed meanwhile.
        if let Some(entry) = entry.filter(|it| Arc::ptr_eq(&it.server, server)) {
            // It is logged, and tried again with the next answer.
            let _ = entry.handle(&self.0.publisher, event, time::now());
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            is_set: false,
            state: State::default(),
            listing: None,
            refused: None,
            asking: None,
        }
    }

    fn is_live(&self) -> bool {
        let standing = self.listing.as_ref().map(Listing::standing);
        matches!(standing, Some(Standing::Live { .. }))
    }

    fn handle(
        &mut self,
        publisher: &Publisher,
        event: Event,
        now: Instant,
    ) -> Result<(), OpenError> {
        let name = &*self.server.name;
        for effect in self.state.handle(event, now) {
            match effect {
                Effect::Show(heartbeat) => {
                    let listing = match &mut self.listing {
                        Some(listing) => listing,
                        none => {
                            let (game, port) = (self.server.game.clone(), self.server.port);
                            match publisher.open(name, game, port) {
                                Ok(listing) => none.insert(listing),
                                Err(error) => {
                                    self.state.not_shown();
                                    let reason = printable(&chain(&error));
                                    if self.refused.as_ref() != Some(&reason) {
                                        tracing::error!(server = name, "cannot publish: {reason}");
                                    }
                                    self.refused = Some(reason);
                                    return Err(error);
                                }
                            }
                        }
                    };
                    self.refused = None;
                    listing.heartbeat(heartbeat);
                }
                Effect::Hide => self.listing = None,
                Effect::Say(line) => line.log(name),
            }
        }
        Ok(())
    }
}

//! The registry: all connected servers, and the sinks that are told about them.
//!
//! Each publisher of a server holds a [`Registration`]. When it is dropped, on whatever path, the
//! server leaves the list with the next tick. Changes go to [sinks](crate::list::Sinks), such as
//! the [feeds](crate::feed::Feeds) that clients follow.

mod claims;
mod cluster;
mod entry;
mod games;
mod key;
mod merged;
mod replica;

pub use entry::{Applied, Waits};
pub use games::{Together, TooManyGames};
pub use replica::Replica;

use crate::{
    Fingerprint, Game,
    bounds::{Rows, Trusted, Waiting},
    list::{By, Claim, Claims, Clock, Sinks},
    time::wall_clock,
};
use bytes::Bytes;
use dashmap::{DashMap, Entry as MapEntry};
use entry::{Entry, Link};
use games::Games;
use key::Key;
use merged::Merged;
use parking_lot::Mutex;
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::SetOnce;

/// All connected servers of all games.
///
/// ```
/// use metaserve::{Game, feed::Feeds, registry::Registry};
///
/// let feeds = Feeds::new();
/// let registry = Registry::new(100, vec![feeds.clone()]); // at most 100 games
/// let game: Game = "chess".parse()?;
///
/// let server = registry.register(&game, "192.0.2.1:7777".parse()?, None)?;
/// server.heartbeat("2/8 players".into()); // listed from now on
/// assert_eq!(registry.len(), 1);
///
/// drop(server); // off the list
/// assert!(registry.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registry {
    entries: DashMap<Key, Entry>,
    games: Arc<Games>,
    shared: Arc<Shared>,
}

/// What entries need besides themselves.
struct Shared {
    /// Locked last: a holder of this lock never locks an entry.
    rows: Mutex<Rows<Key>>,
    clock: Arc<Clock>,
    /// The list of a member of a cluster. It is locked while an entry is locked, never before.
    merged: Option<Merged>,
}

impl Shared {
    /// A number that was never used before. In a cluster it is a claim.
    fn draw(&self) -> u64 {
        match self.merged {
            None => self.clock.advance().0,
            Some(_) => self.clock.claim().0,
        }
    }

    /// What others are told of the claims of a server.
    fn claims(&self, first: Claim, second: Option<Claim>) -> Claims {
        match self.merged {
            None => Claims::default(),
            Some(_) => Claims::new(first, second),
        }
    }
}

impl Registry {
    /// An empty registry for servers of at most `max_games` games at a time. Each address may list
    /// any number of servers (see [`set_rows`](Self::set_rows)). All of `sinks` are told about
    /// every change.
    #[must_use]
    pub fn new(max_games: usize, sinks: Vec<Arc<dyn Sinks>>) -> Arc<Self> {
        let games = Games::new(max_games, sinks);
        Self::with(games, Arc::new(Clock::new(0)), None)
    }

    /// The same for a member of a cluster: it has an [own feed](Self::own), takes in what other
    /// members state with [`replica`](Self::replica), and draws its numbers as claims from
    /// `clock`. The limit on games does not apply to servers of other members, which count all the
    /// same.
    #[must_use]
    pub fn clustered(max_games: usize, sinks: Vec<Arc<dyn Sinks>>, clock: Arc<Clock>) -> Arc<Self> {
        let games = Games::new(max_games, sinks);
        let merged = Merged::new(games.clone(), clock.clone());
        Self::with(games, clock, Some(merged))
    }

    fn with(games: Arc<Games>, clock: Arc<Clock>, merged: Option<Merged>) -> Arc<Self> {
        let rows = Rows::new(usize::MAX, Trusted::none());
        Arc::new(Self {
            entries: DashMap::new(),
            games,
            shared: Arc::new(Shared {
                rows: Mutex::new(rows),
                clock,
                merged,
            }),
        })
    }

    /// Changes the limit on games. Games that have servers keep them.
    pub fn set_max_games(&self, max_games: usize) {
        self.games.set_most(max_games);
    }

    /// Changes how many servers each address may have in the list. Servers beyond that [wait for a
    /// row](Rows); those that are listed stay.
    pub fn set_rows(&self, each_address: usize, trusted: Trusted) {
        self.shared.rows.lock().set(each_address, trusted);
        self.settle();
    }

    /// The number of servers that wait for a row.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.rows.lock().waiting()
    }

    /// Lists the servers that have been given a row.
    fn settle(&self) {
        let promoted = self.shared.rows.lock().take_promoted();
        for (id, key) in promoted {
            // If the server is gone by now, it has given its row back itself.
            let entry = self.entries.get_mut(&key);
            if let Some(mut entry) = entry.filter(|entry| entry.id == id) {
                entry.promote();
            }
        }
    }

    /// Registers a publisher of a server of `game` at `address`. The server is listed from its
    /// first heartbeat on.
    ///
    /// With an `identity`, all registrations of that identity speak for the same server. In the
    /// same address family the new registration replaces the old one, in the other family it adds
    /// its address, and in another game the old entry ends.
    ///
    /// # Errors
    /// When the limit on games is reached.
    pub fn register(
        self: &Arc<Self>,
        game: &Game,
        address: SocketAddr,
        identity: Option<Fingerprint>,
    ) -> Result<Registration, TooManyGames> {
        self.enter(game, address, identity, By::Quic, |known, link| {
            known.join(link);
            Ok(())
        })
    }

    /// The same for a server that is announced over HTTP. Its identity is derived from the secret
    /// of its announcer, so it never is that of a certificate. Where another registration speaks
    /// for it, it adds its address only if the server has a row of the list then.
    ///
    /// # Errors
    /// When the limit on games is reached, or the server would have to wait for a row. Nothing has
    /// changed.
    pub fn announce(
        self: &Arc<Self>,
        game: &Game,
        address: SocketAddr,
        identity: Fingerprint,
    ) -> Result<Registration, NotAnnounced> {
        self.enter(game, address, Some(identity), By::Http, |known, link| {
            known.join_if_free(link).map_err(NotAnnounced::Rows)
        })
    }

    fn enter<E: From<TooManyGames>>(
        self: &Arc<Self>,
        game: &Game,
        address: SocketAddr,
        identity: Option<Fingerprint>,
        by: By,
        join: impl FnOnce(&mut Entry, Link) -> Result<(), E>,
    ) -> Result<Registration, E> {
        let member = self.games.join(game)?;
        let id = self.shared.draw();
        let key = Key::new(identity, id);
        let replaced = Arc::new(SetOnce::new());
        let link = Link {
            id,
            claim: Claim(id),
            address,
            replaced: replaced.clone(),
        };
        let new = |member, link| Entry::new(member, identity, by, link, self.shared.clone());
        match self.entries.entry(key) {
            MapEntry::Occupied(mut known) if known.get().member.game() == game => {
                join(known.get_mut(), link)?;
            }
            MapEntry::Occupied(mut elsewhere) => {
                elsewhere.get().end();
                elsewhere.insert(new(member, link));
            }
            MapEntry::Vacant(vacant) => {
                vacant.insert(new(member, link));
            }
        }
        self.settle();
        Ok(Registration {
            registry: self.clone(),
            key,
            link: id,
            replaced,
        })
    }

    /// The number of connected servers, whether listed or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no server is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Why a server that is announced over HTTP is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnnounced {
    /// The limit on games is reached.
    #[error(transparent)]
    Games(#[from] TooManyGames),
    /// The server would have to wait for a row of the list.
    #[error("{0}")]
    Rows(Waiting),
}

/// The right to speak for one server. Dropping it removes the server from the list, unless another
/// registration of the same identity still speaks for it.
#[must_use = "dropping it removes the server from the list"]
pub struct Registration {
    registry: Arc<Registry>,
    key: Key,
    link: u64,
    replaced: Arc<SetOnce<()>>,
}

impl Registration {
    /// Sets the heartbeat that players see from the next tick on.
    pub fn heartbeat(&self, heartbeat: Bytes) -> Applied {
        match self.registry.entries.get_mut(&self.key) {
            Some(mut entry) => entry.apply(self.link, heartbeat, wall_clock()),
            None => Applied::Replaced,
        }
    }

    /// Moves the server to another address. In the other address family this replaces the
    /// registration there, as registering would.
    pub fn move_to(&self, address: SocketAddr) {
        if let Some(mut entry) = self.registry.entries.get_mut(&self.key) {
            entry.move_to(self.link, address);
        }
        self.registry.settle();
    }

    /// Moves the server as [`move_to`](Self::move_to), if it has a row of the list then.
    ///
    /// # Errors
    /// Why it would wait for one. It stays where it is.
    pub fn move_if_free(&self, address: SocketAddr) -> Result<(), Waiting> {
        let moved = match self.registry.entries.get_mut(&self.key) {
            Some(mut entry) => entry.move_if_free(self.link, address),
            None => Ok(()),
        };
        self.registry.settle();
        moved
    }

    /// Why the server is not listed although it has sent a heartbeat: it waits for a row. `None`
    /// if it does not wait.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        self.registry.entries.get(&self.key)?.waits()
    }

    /// Completes when another registration of the same identity has replaced this one.
    /// Cancel-safe.
    pub async fn replaced(&self) {
        self.replaced.wait().await;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry
            .entries
            .remove_if_mut(&self.key, |_, entry| entry.leave(self.link));
        // This frees the row of this server, or of an address that another link has taken over.
        self.registry.settle();
    }
}

#[cfg(test)]
mod tests;

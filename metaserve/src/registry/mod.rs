//! The truth about every connected server, and the feeds that tell it.
//!
//! Whoever speaks for a server holds a [`Registration`]; when it is dropped, on whatever path,
//! the server is off the list with the next tick.

mod entry;

pub use entry::{Applied, Waits};

use crate::{
    Fingerprint, Game,
    bounds::{Rows, Trusted},
    feed::{Feed, Ticker},
    list::Revisions,
    time::wall_clock,
};
use bytes::Bytes;
use dashmap::{DashMap, Entry as MapEntry};
use entry::{Common, Entry, Link};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::SetOnce;

/// All servers, of all games.
pub struct Registry {
    entries: DashMap<Key, Entry>,
    games: DashMap<Game, Weak<Feed>>,
    all: Arc<Feed>,
    max_games: AtomicUsize,
    common: Arc<Common>,
    /// With so many feeds known, those that nobody holds any more are looked for.
    sweep_at: AtomicUsize,
    numbers: AtomicU64,
    epoch: u64,
    revisions: Arc<Revisions>,
    ticker: Arc<Ticker>,
}

/// What makes a server the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// The certificate it presents.
    Identity(Fingerprint),
    /// Without one: the one link that speaks for it.
    Link(u64),
}

/// Up to so many feeds are kept whether somebody holds them or not: they are small.
const FEW_FEEDS: usize = 64;

/// No more games fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this daemon already lists servers of {0} games, as many as it may: \
     use the tag of a game it knows, or ask its operator"
)]
pub struct TooManyGames(pub usize);

impl Registry {
    /// An empty registry in which at most `max_games` games may have servers at a time, each
    /// address as many as it likes (see [`set_rows`](Self::set_rows)). Changes reach clients only while [`run`](Self::run) runs.
    #[must_use]
    pub fn new(max_games: usize) -> Arc<Self> {
        let epoch = fastrand::u64(1..);
        let revisions = Arc::new(Revisions::default());
        let ticker = Arc::new(Ticker::default());
        let all = Arc::new(Feed::new(epoch, revisions.clone(), ticker.clone()));
        Arc::new(Self {
            entries: DashMap::new(),
            games: DashMap::new(),
            all,
            max_games: AtomicUsize::new(max_games),
            common: Common::new(Rows::new(usize::MAX, Trusted::none())),
            sweep_at: AtomicUsize::new(FEW_FEEDS),
            numbers: AtomicU64::new(1),
            epoch,
            revisions,
            ticker,
        })
    }

    /// Changes how many games may have servers. Those that have them keep them.
    pub fn set_max_games(&self, max_games: usize) {
        self.max_games.store(max_games, Ordering::Relaxed);
    }

    /// Changes how many servers each address may have in the list: those beyond
    /// [wait for a row](Rows). Those that are in the list stay there.
    pub fn set_rows(&self, each_address: usize, trusted: Trusted) {
        self.common.rows().set(each_address, trusted);
        self.settle();
    }

    /// How many servers wait for a row.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.common.rows().waiting()
    }

    /// Lists those for whom there is a row now.
    fn settle(&self) {
        let promoted = self.common.rows().take_promoted();
        for (number, key) in promoted {
            // Gone meanwhile, it has given its row back itself.
            let entry = self.entries.get_mut(&key);
            if let Some(mut entry) = entry.filter(|entry| entry.number == number) {
                entry.promote();
            }
        }
    }

    /// Turns changes into frames, once per `tick` for everybody, until it is dropped.
    ///
    /// Best polled by a thread that is no worker of the runtime, such as the one that is blocked
    /// on it: clients that are woken then queue behind what waits on the workers already.
    ///
    /// Cancel-safe: changes wait for the next `run`. One at a time is meant to run.
    pub async fn run(&self, tick: Duration) {
        self.run_observed(tick, |_| {}).await;
    }

    /// As [`run`](Self::run), and tells `observe` how long the work of each tick took.
    pub async fn run_observed(&self, tick: Duration, observe: impl FnMut(Duration)) {
        self.ticker.run(tick, observe).await;
    }

    /// Lets somebody speak for a server of `game` at `address`. It is listed from its first
    /// heartbeat on.
    ///
    /// With an `identity`, the server is the one that this identity has spoken for before: in
    /// the same address family the new registration replaces the old one, in the other it adds
    /// its address, and in another game the old entry ends.
    ///
    /// # Errors
    /// When no more games fit.
    pub fn register(
        self: &Arc<Self>,
        game: &Game,
        address: SocketAddr,
        identity: Option<Fingerprint>,
    ) -> Result<Registration, TooManyGames> {
        let feed = self.feed(Some(game));
        let max_games = self.max_games.load(Ordering::Relaxed);
        if feed.is_empty() && self.common.games_with_servers.load(Ordering::Relaxed) >= max_games {
            return Err(TooManyGames(max_games));
        }
        let feeds = [feed, self.all.clone()];
        let id = self.numbers.fetch_add(1, Ordering::Relaxed);
        let key = identity.map_or(Key::Link(id), Key::Identity);
        let replaced = Arc::new(SetOnce::new());
        let link = Link {
            id,
            address,
            replaced: replaced.clone(),
        };
        match self.entries.entry(key) {
            MapEntry::Occupied(mut known) if known.get().game == *game => {
                known.get_mut().join(link)
            }
            MapEntry::Occupied(mut elsewhere) => {
                elsewhere.get().end();
                elsewhere.insert(Entry::new(
                    id,
                    game.clone(),
                    identity,
                    link,
                    feeds,
                    &self.common,
                ));
            }
            MapEntry::Vacant(vacant) => {
                vacant.insert(Entry::new(
                    id,
                    game.clone(),
                    identity,
                    link,
                    feeds,
                    &self.common,
                ));
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

    /// The feed of one game, or of all games. It is forgotten when it has neither servers nor
    /// followers.
    pub fn feed(&self, game: Option<&Game>) -> Arc<Feed> {
        let Some(game) = game else {
            return self.all.clone();
        };
        if let Some(feed) = self.games.get(game).and_then(|known| known.upgrade()) {
            return feed;
        }
        self.sweep();
        let mut known = self.games.entry(game.clone()).or_default();
        known.upgrade().unwrap_or_else(|| {
            let (revisions, ticker) = (self.revisions.clone(), self.ticker.clone());
            let feed = Arc::new(Feed::new(self.epoch, revisions, ticker));
            *known = Arc::downgrade(&feed);
            feed
        })
    }

    /// Forgets feeds that nobody holds, each time as many again have been made.
    fn sweep(&self) {
        if self.games.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.games.retain(|_, feed| feed.strong_count() > 0);
            let next = FEW_FEEDS.max(2 * self.games.len());
            self.sweep_at.store(next, Ordering::Relaxed);
        }
    }

    /// How many servers are connected, whether listed yet or not.
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

impl Drop for Registry {
    fn drop(&mut self) {
        self.ticker.forget();
    }
}

/// The right to speak for one server. Dropping it takes the server off the list, unless another
/// registration of the same identity still speaks for it.
#[must_use = "dropping it takes the server off the list"]
pub struct Registration {
    registry: Arc<Registry>,
    key: Key,
    link: u64,
    replaced: Arc<SetOnce<()>>,
}

impl Registration {
    /// What players see of the server from the next tick on.
    pub fn heartbeat(&self, heartbeat: Bytes) -> Applied {
        match self.registry.entries.get_mut(&self.key) {
            Some(mut entry) => entry.apply(self.link, heartbeat, wall_clock()),
            None => Applied::Replaced,
        }
    }

    /// The server is reached at another address now. In the other address family this takes the
    /// place of the registration that is there, as registering would.
    pub fn move_to(&self, address: SocketAddr) {
        if let Some(mut entry) = self.registry.entries.get_mut(&self.key) {
            entry.move_to(self.link, address);
        }
        self.registry.settle();
    }

    /// Why the server is not listed though it has sent a heartbeat: it waits for a row. None when
    /// it does not.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        self.registry.entries.get(&self.key)?.waits()
    }

    /// Completes when another registration of the same identity has taken this one's place.
    /// Cancel-safe.
    pub async fn replaced(&self) {
        self.replaced.wait().await;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let gone = self
            .registry
            .entries
            .remove_if_mut(&self.key, |_, entry| entry.leave(self.link));
        if let Some((_, entry)) = gone {
            entry.end();
        }
        // The row of this one, or that of an address which another link has taken over.
        self.registry.settle();
    }
}

#[cfg(test)]
mod tests;

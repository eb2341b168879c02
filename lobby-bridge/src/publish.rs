//! What the bridge wants the list to say, for whoever tells the daemon.
//!
//! Each legacy protocol puts its open games into [`Listings`] and never waits. A publisher
//! follows them with [`Listings::follow`] at its own pace: it gets the newest state of each,
//! never a backlog, and after a lost connection it has everything stated again.
//!
//! ```
//! use metaserve_lobby_bridge::publish::{Change, Key, Listing, Listings};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let listings = Listings::default();
//! let key = Key { protocol: "vcmi", id: 1 };
//! let listing = Listing {
//!     game: "vcmi",
//!     address: "192.0.2.1:5002".parse().unwrap(),
//!     heartbeat: br#"{"name":"castle"}"#.as_slice().into(),
//! };
//! listings.list(key, listing.clone());
//!
//! let mut follower = listings.follow();
//! assert_eq!(follower.changes().await, Some(vec![Change::List(key, listing)]));
//! # });
//! ```

use std::{fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use imbl::{OrdMap, ordmap::DiffItem};
use tokio::sync::watch;

/// The most listings at one time. Further ones are left out, with a warning in the log.
pub const MAX_LISTINGS: usize = 20_000;

/// Which game of which legacy protocol: names a listing for as long as the bridge runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The legacy protocol, such as `vcmi`.
    pub protocol: &'static str,
    /// The game's number in that protocol's lobby.
    pub id: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.id)
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The namespace it is listed in.
    pub game: &'static str,
    /// Where players join it.
    pub address: SocketAddr,
    /// What it says: `ServerInfo` JSON.
    pub heartbeat: Bytes,
}

/// What a publisher has to tell next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This listing is new, or says something else than before.
    List(Key, Listing),
    /// This listing is gone.
    Unlist(Key),
}

type Map = OrdMap<Key, Listing>;

/// The state that should be in the list. Cheap to clone; all clones are the same state.
#[derive(Clone, Debug)]
pub struct Listings(Arc<watch::Sender<Map>>);

impl Default for Listings {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Map::new())))
    }
}

impl Listings {
    /// States a listing, in place of the one with the same key. Never waits.
    pub fn list(&self, key: Key, listing: Listing) {
        self.0.send_if_modified(|map| {
            if map.len() >= MAX_LISTINGS && !map.contains_key(&key) {
                tracing::warn!(%key, "not published: there are {MAX_LISTINGS} listings already");
                return false;
            }
            map.get(&key) != Some(&listing) && {
                map.insert(key, listing);
                true
            }
        });
    }

    /// Takes a listing back, if there is one. Never waits.
    pub fn unlist(&self, key: Key) {
        self.0.send_if_modified(|map| map.remove(&key).is_some());
    }

    /// The state as it is now, ordered by key.
    #[must_use]
    pub fn now(&self) -> Vec<(Key, Listing)> {
        let map = self.0.borrow().clone();
        map.into_iter().collect()
    }

    /// Follows the state from the beginning: the first changes are all listings there are.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower {
            current: self.0.subscribe(),
            told: Map::new(),
        }
    }
}

/// What one publisher has told already. See [`Listings::follow`].
#[derive(Debug)]
pub struct Follower {
    current: watch::Receiver<Map>,
    told: Map,
}

impl Follower {
    /// Waits until something differs from what was told, and returns all of that, each key
    /// once, as told from now on. `None` when all [`Listings`] are dropped and everything was
    /// told. Cancel safe: nothing is taken for told before it is returned.
    pub async fn changes(&mut self) -> Option<Vec<Change>> {
        loop {
            let current = self.current.borrow_and_update().clone();
            let changes = differences(&self.told, &current);
            if !changes.is_empty() {
                self.told = current;
                return Some(changes);
            }
            self.current.changed().await.ok()?;
        }
    }

    /// Takes nothing for told any more, as after a daemon's restart.
    pub fn restate(&mut self) {
        self.told = Map::new();
    }
}

fn differences(told: &Map, current: &Map) -> Vec<Change> {
    told.diff(current)
        .map(|item| match item {
            DiffItem::Add(key, listing) => Change::List(*key, listing.clone()),
            DiffItem::Update {
                new: (key, listing),
                ..
            } => Change::List(*key, listing.clone()),
            DiffItem::Remove(key, _) => Change::Unlist(*key),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn key(id: u64) -> Key {
        Key {
            protocol: "test",
            id,
        }
    }

    fn listing(says: &'static str) -> Listing {
        let address = "192.0.2.1:5002".parse().unwrap();
        Listing {
            game: "test",
            address,
            heartbeat: says.as_bytes().into(),
        }
    }

    /// What there is to tell right now.
    fn changes(follower: &mut Follower) -> Vec<Change> {
        let changes = pin!(follower.changes());
        match changes.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(changes) => changes.expect("the listings are still there"),
            Poll::Pending => Vec::new(),
        }
    }

    #[test]
    fn a_late_follower_gets_the_newest_of_each_and_no_history() {
        let listings = Listings::default();
        listings.list(key(1), listing("old"));
        listings.list(key(1), listing("new"));
        listings.list(key(2), listing("gone"));
        listings.unlist(key(2));
        let mut follower = listings.follow();
        assert_eq!(
            changes(&mut follower),
            [Change::List(key(1), listing("new"))]
        );
        assert_eq!(changes(&mut follower), []);
    }

    #[test]
    fn a_follower_is_told_what_changed_since() {
        let listings = Listings::default();
        listings.list(key(1), listing("one"));
        listings.list(key(2), listing("two"));
        let mut follower = listings.follow();
        changes(&mut follower);
        listings.list(key(1), listing("one"));
        assert_eq!(changes(&mut follower), [], "the same again is no news");
        listings.unlist(key(1));
        listings.list(key(2), listing("two, later"));
        listings.list(key(3), listing("three"));
        let expected = [
            Change::Unlist(key(1)),
            Change::List(key(2), listing("two, later")),
            Change::List(key(3), listing("three")),
        ];
        assert_eq!(changes(&mut follower), expected);
    }

    #[test]
    fn everything_is_stated_again_on_demand() {
        let listings = Listings::default();
        listings.list(key(1), listing("one"));
        let mut follower = listings.follow();
        changes(&mut follower);
        follower.restate();
        assert_eq!(
            changes(&mut follower),
            [Change::List(key(1), listing("one"))]
        );
    }

    #[tokio::test]
    async fn following_ends_with_the_listings() {
        let listings = Listings::default();
        listings.list(key(1), listing("one"));
        let mut follower = listings.follow();
        drop(listings);
        assert!(follower.changes().await.is_some());
        assert_eq!(follower.changes().await, None);
    }
}

//! The open games of the bridge, for the task that publishes them.
//!
//! Each legacy protocol adds its open games to [`Listings`] and never waits. A publisher takes the
//! [`changes`](Listings::changes) at its own pace. It gets the newest state of each game, without a
//! backlog.
//!
//! ```
//! use futures::StreamExt;
//! use metaserve_heartbeat::Change;
//! use metaserve_lobby_bridge::publish::{Key, Listing, Listings};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let listings = Listings::default();
//! let key = Key { protocol: "vcmi", id: 1 };
//! let listing = Listing {
//!     game: "vcmi".parse().unwrap(),
//!     address: "192.0.2.1:5002".parse().unwrap(),
//!     heartbeat: br#"{"name":"castle"}"#.as_slice().into(),
//! };
//! listings.list(key, listing.clone());
//!
//! let mut changes = listings.changes().boxed();
//! let Some(Change::List(listed)) = changes.next().await else { panic!() };
//! assert_eq!(listed.heartbeat, listing.heartbeat);
//! # });
//! ```

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use imbl::{OrdMap, ordmap::DiffItem};
use metaserve::{Fingerprint, Game, ServerInfo, address::Family};
use metaserve_heartbeat::Change;
use serde_json::Value;
use tokio::sync::watch;

/// The most listings at one time, of all protocols together: as many as a daemon accepts of a relay
/// by default (`--max-servers-per-relay`). Further ones are left out, with a warning in the log.
pub const MAX_LISTINGS: usize = 20_000;

/// Names a listing for as long as the bridge runs: a game of a legacy protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The legacy protocol, such as `vcmi`.
    pub protocol: &'static str,
    /// The game's id in that protocol's lobby.
    pub id: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.id)
    }
}

/// One entry of the list.
///
/// A relay lists a server at one address. A server that is reached over both families is two
/// listings, as it is two entries in the lists of most old games.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The game under which it is listed.
    pub game: Game,
    /// Where players join it.
    pub address: SocketAddr,
    /// Its record: `ServerInfo` JSON.
    pub heartbeat: Bytes,
}

/// All listings. Each has a number for the publisher, which changes whenever the listing is
/// removed and added again.
#[derive(Debug, Default)]
struct State {
    map: Map,
    last: u64,
}

type Map = OrdMap<Key, (u64, Listing)>;

/// The open games that should be in the list. Cheap to clone; all clones share one state.
#[derive(Clone, Debug)]
pub struct Listings(Arc<watch::Sender<State>>);

impl Default for Listings {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

impl Listings {
    /// Adds a listing, or replaces the one with the same key. Returns false if it is left out,
    /// because there are [`MAX_LISTINGS`] others. Never waits.
    pub fn list(&self, key: Key, listing: Listing) -> bool {
        let mut has_room = true;
        self.0.send_if_modified(|State { map, last }| {
            if map.len() >= MAX_LISTINGS && !map.contains_key(&key) {
                tracing::warn!(%key, "not published: there are {MAX_LISTINGS} listings already");
                has_room = false;
                return false;
            }
            match map.get_mut(&key) {
                Some((_, known)) if *known == listing => return false,
                Some((_, known)) => *known = listing,
                None => {
                    *last += 1;
                    map.insert(key, (*last, listing));
                }
            }
            true
        });
        has_room
    }

    /// How many listings there are of each protocol and family of addresses.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(&'static str, Family), usize> {
        let map = self.0.borrow().map.clone();
        let mut counts = BTreeMap::new();
        for (key, (_, listing)) in &map {
            let family = Family::of(listing.address.ip());
            *counts.entry((key.protocol, family)).or_default() += 1;
        }
        counts
    }

    /// Removes a listing, if it exists. Never waits.
    pub fn unlist(&self, key: Key) {
        self.0
            .send_if_modified(|state| state.map.remove(&key).is_some());
    }

    /// Returns the current state, ordered by key.
    #[must_use]
    pub fn now(&self) -> Vec<(Key, Listing)> {
        let map = self.0.borrow().map.clone();
        let listings = map.into_iter();
        listings.map(|(key, (_, listing))| (key, listing)).collect()
    }

    /// Returns all changes. The first ones are the existing listings. Ends when all [`Listings`]
    /// are dropped and everything was returned.
    pub fn changes(&self) -> impl Stream<Item = Change> + Send + use<> {
        let begin = (self.0.subscribe(), Map::new());
        let batches = stream::unfold(begin, |(mut current, told)| async move {
            loop {
                let map = current.borrow_and_update().map.clone();
                let changes = differences(&told, &map);
                if !changes.is_empty() {
                    return Some((stream::iter(changes), (current, map)));
                }
                current.changed().await.ok()?;
            }
        });
        batches.flatten().fuse()
    }
}

fn differences(told: &Map, current: &Map) -> Vec<Change> {
    told.diff(current)
        .map(|item| match item {
            DiffItem::Add(_, listed)
            | DiffItem::Update {
                new: (_, listed), ..
            } => change(listed),
            DiffItem::Remove(_, (number, _)) => Change::Unlist(*number),
        })
        .collect()
}

fn change((number, listing): &(u64, Listing)) -> Change {
    Change::List(metaserve_heartbeat::Listing {
        key: *number,
        game: listing.game.clone(),
        address: listing.address,
        heartbeat: listing.heartbeat.clone(),
    })
}

/// The field of a record's `legacy` that names the bridge that published it.
const BRIDGE: &str = "bridge";

/// Notes in a record that `bridge` publishes it, so that [`is_marked`] recognises it in the
/// daemon's list. The record must have a `legacy` object; without a bridge nothing is noted.
pub fn mark(info: &mut ServerInfo, bridge: Option<&Fingerprint>) {
    if let (Some(bridge), Some(Value::Object(legacy))) = (bridge, &mut info.legacy) {
        legacy.insert(BRIDGE.to_owned(), bridge.to_string().into());
    }
}

/// Whether `bridge` has published this record: then it is no server of anybody else.
#[must_use]
pub fn is_marked(info: &ServerInfo, bridge: &Fingerprint) -> bool {
    let publisher = info.legacy.as_ref().and_then(|legacy| legacy.get(BRIDGE));
    publisher.and_then(Value::as_str) == Some(&bridge.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::pin::pin;

    fn key(id: u64) -> Key {
        Key {
            protocol: "test",
            id,
        }
    }

    fn listing(says: &'static str) -> Listing {
        let address = "192.0.2.1:5002".parse().unwrap();
        Listing {
            game: "test".parse().unwrap(),
            address,
            heartbeat: says.as_bytes().into(),
        }
    }

    /// Returns the changes that are ready: numbers, with the heartbeat or `None` if it is removed.
    fn told(changes: &mut (impl Stream<Item = Change> + Unpin)) -> Vec<(u64, Option<Bytes>)> {
        let mut told = Vec::new();
        while let Some(Some(change)) = changes.next().now_or_never() {
            told.push(match change {
                Change::List(listing) => (listing.key, Some(listing.heartbeat)),
                Change::Unlist(key) => (key, None),
            });
        }
        told
    }

    #[test]
    fn a_late_follower_gets_only_the_newest_state() {
        let listings = Listings::default();
        listings.list(key(1), listing("old"));
        listings.list(key(1), listing("new"));
        listings.list(key(2), listing("gone"));
        listings.unlist(key(2));
        let mut changes = pin!(listings.changes());
        assert_eq!(told(&mut changes), [(1, Some("new".into()))]);
        assert_eq!(told(&mut changes), []);
    }

    #[test]
    fn a_follower_gets_later_changes() {
        let listings = Listings::default();
        listings.list(key(1), listing("one"));
        listings.list(key(2), listing("two"));
        let mut changes = pin!(listings.changes());
        told(&mut changes);
        listings.list(key(1), listing("one"));
        assert_eq!(told(&mut changes), [], "an equal listing is no change");
        listings.unlist(key(1));
        listings.list(key(2), listing("two, later"));
        listings.list(key(3), listing("three"));
        let expected = [
            (1, None),
            (2, Some("two, later".into())),
            (3, Some("three".into())),
        ];
        assert_eq!(told(&mut changes), expected);
    }

    #[test]
    fn the_changes_end_with_the_listings() {
        let listings = Listings::default();
        listings.list(key(1), listing("one"));
        let mut changes = pin!(listings.changes());
        drop(listings);
        assert_eq!(told(&mut changes).len(), 1);
        assert_eq!(changes.next().now_or_never(), Some(None));
    }
}

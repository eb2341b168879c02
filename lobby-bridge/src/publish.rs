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

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    hash::Hash,
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use imbl::{OrdMap, ordmap::DiffItem};
use metaserve::{Fingerprint, Game, ServerInfo, address::Family};
use metaserve_client::ServerId;
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

/// All listings, and those that are published.
#[derive(Debug, Default)]
struct State {
    all: BTreeMap<Key, Listing>,
    /// All of them by where they are joined.
    at: HashMap<Place, BTreeSet<Key>>,
    /// Where servers are joined that others publish, and how often that was stated.
    others: HashMap<Place, usize>,
    /// What is published: all that nobody else publishes.
    published: Map,
    last: u64,
}

/// Each has a number for the publisher, which changes whenever the listing is removed and added
/// again.
type Map = OrdMap<Key, (u64, Listing)>;

/// A game, and where it is joined: a player sees one server there.
pub type Place = (Game, SocketAddr);

impl State {
    fn list(&mut self, key: Key, listing: Listing) -> bool {
        let place = listing.place();
        let before = self.all.insert(key, listing).map(|it| it.place());
        if let Some(before) = before.filter(|before| *before != place) {
            self.leave(&before, key);
        }
        self.at.entry(place).or_default().insert(key);
        self.publish(key)
    }

    fn unlist(&mut self, key: Key) -> bool {
        if let Some(before) = self.all.remove(&key) {
            self.leave(&before.place(), key);
        }
        self.publish(key)
    }

    fn leave(&mut self, place: &Place, key: Key) {
        if let Some(keys) = self.at.get_mut(place) {
            keys.remove(&key);
            if keys.is_empty() {
                self.at.remove(place);
            }
        }
    }

    /// Another server is published there, or one fewer.
    fn other(&mut self, place: &Place, is_there: bool) -> bool {
        let count = self.others.entry(place.clone()).or_default();
        *count = match is_there {
            true => *count + 1,
            false => count.saturating_sub(1),
        };
        if *count == 0 {
            self.others.remove(place);
        }
        let keys = self.at.get(place).cloned().unwrap_or_default();
        let mut changed = false;
        for key in keys {
            changed |= self.publish(key);
        }
        changed
    }

    /// Publishes a listing as it is now, or no longer. Returns whether anything has changed.
    fn publish(&mut self, key: Key) -> bool {
        let listing = self.all.get(&key);
        let listing = listing.filter(|it| !self.others.contains_key(&it.place()));
        match (listing, self.published.get_mut(&key)) {
            (Some(listing), Some((_, known))) if known == listing => return false,
            (Some(listing), Some((_, known))) => *known = listing.clone(),
            (Some(listing), None) => {
                self.last += 1;
                self.published.insert(key, (self.last, listing.clone()));
            }
            (None, Some(_)) => drop(self.published.remove(&key)),
            (None, None) => return false,
        }
        true
    }
}

impl Listing {
    fn place(&self) -> Place {
        (self.game.clone(), self.address)
    }
}

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
        self.0.send_if_modified(|state| {
            if state.all.len() >= MAX_LISTINGS && !state.all.contains_key(&key) {
                tracing::warn!(%key, "not published: there are {MAX_LISTINGS} listings already");
                has_room = false;
                return false;
            }
            state.list(key, listing)
        });
        has_room
    }

    /// How many listings there are of each protocol and family of addresses.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(&'static str, Family), usize> {
        let state = self.0.borrow();
        let mut counts = BTreeMap::new();
        for (key, listing) in &state.all {
            let family = Family::of(listing.address.ip());
            *counts.entry((key.protocol, family)).or_default() += 1;
        }
        counts
    }

    /// Removes a listing, if it exists. Never waits.
    pub fn unlist(&self, key: Key) {
        self.0.send_if_modified(|state| state.unlist(key));
    }

    /// Returns a handle through which a follower of the registry states which servers others publish:
    /// no listing is published where one of them is joined.
    #[must_use]
    pub fn others<Id: Copy + Eq + Hash>(&self) -> Others<Id> {
        Others {
            listings: self.clone(),
            known: HashMap::new(),
        }
    }

    /// Returns what is published, ordered by key.
    #[must_use]
    pub fn now(&self) -> Vec<(Key, Listing)> {
        let map = self.0.borrow().published.clone();
        let listings = map.into_iter();
        listings.map(|(key, (_, listing))| (key, listing)).collect()
    }

    /// Returns all changes. The first ones are the existing listings. Ends when all [`Listings`]
    /// are dropped and everything was returned.
    pub fn changes(&self) -> impl Stream<Item = Change> + Send + use<> {
        let begin = (self.0.subscribe(), Map::new());
        let batches = stream::unfold(begin, |(mut current, told)| async move {
            loop {
                let map = current.borrow_and_update().published.clone();
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

/// The servers of the registry that others publish, as one follower of it knows them. They are
/// forgotten when it is dropped.
#[derive(Debug)]
pub struct Others<Id: Copy + Eq + Hash = ServerId> {
    listings: Listings,
    known: HashMap<Id, Vec<Place>>,
}

impl<Id: Copy + Eq + Hash> Others<Id> {
    /// States where a server is joined that another program publishes; nowhere, if it is gone.
    pub fn state(&mut self, server: Id, places: Vec<Place>) {
        let before = self.known.remove(&server).unwrap_or_default();
        if before != places {
            self.listings.0.send_if_modified(|state| {
                let mut changed = false;
                for place in &places {
                    changed |= state.other(place, true);
                }
                for place in &before {
                    changed |= state.other(place, false);
                }
                changed
            });
        }
        if !places.is_empty() {
            self.known.insert(server, places);
        }
    }
}

impl<Id: Copy + Eq + Hash> Drop for Others<Id> {
    fn drop(&mut self) {
        let servers: Vec<Id> = self.known.keys().copied().collect();
        for server in servers {
            self.state(server, Vec::new());
        }
    }
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

/// Whether `bridge` has published this record for its `protocol`, which the record names.
#[must_use]
pub fn is_marked_of(info: &ServerInfo, bridge: &Fingerprint, protocol: &str) -> bool {
    let named = info.legacy.as_ref().and_then(|it| it.get("protocol"));
    named.and_then(Value::as_str) == Some(protocol) && is_marked(info, bridge)
}

/// Whether `bridge` leaves a server to the publisher of this record: a server that publishes itself,
/// or a bridge whose fingerprint is lower, so that of two bridges one publishes it.
#[must_use]
pub fn goes_first(info: &ServerInfo, bridge: &Fingerprint) -> bool {
    let publisher = info.legacy.as_ref().and_then(|legacy| legacy.get(BRIDGE));
    let publisher = publisher.and_then(Value::as_str);
    publisher.is_none_or(|publisher| *publisher < *bridge.to_string())
}

#[cfg(test)]
mod tests;

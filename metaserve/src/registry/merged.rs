//! The list of a member of a cluster: what its own servers and all other members state, merged.
//!
//! Statements about one identity are one row; of servers without identity at one address, those of
//! one member are rows. [`claims`](super::claims) says what is shown of them.
//!
//! Locks are taken in this order, and of each kind at most one at a time: an entry of the registry
//! (by its own changes), a row here, then what sinks and [`Games`] lock. So no change of a row
//! waits for an entry, and two entries at one address meet only here, in their row.

mod address;
mod identity;
mod lost;

use super::games::{Games, Together};
use crate::{
    Fingerprint, Game,
    feed::Own,
    list::{Change, Origin, Placement, Server, Sink},
};
use address::AtAddress;
use bytes::Bytes;
use dashmap::DashMap;
use identity::OfIdentity;
use parking_lot::RwLock;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

pub(super) use lost::Lost;

/// All rows.
pub(super) struct Merged {
    identities: DashMap<Fingerprint, OfIdentity>,
    addresses: DashMap<(Game, SocketAddr), AtAddress>,
    pub(super) own: Own,
    pub(super) lost: Lost,
    shows: Shows,
    /// Statements of other members that were taken in.
    foreign: AtomicUsize,
    most_foreign: AtomicUsize,
    left_out: AtomicUsize,
}

/// What rows need to show themselves.
struct Shows {
    games: Arc<Games>,
    hidden: RwLock<Arc<Hidden>>,
}

/// Whether an address is not to be shown.
pub(super) type Hidden = dyn Fn(IpAddr) -> bool + Send + Sync;

impl Shows {
    /// Whether clients may be shown a server with this address.
    fn allows(&self, ip: IpAddr) -> bool {
        !self.hidden.read()(ip)
    }
}

/// The number of a statement within what its origin states.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) origin: &'a Origin,
    pub(super) number: u64,
}

impl Of<'_> {
    fn is(self, server: &Server) -> bool {
        server.number == self.number && server.origin == *self.origin
    }
}

impl Merged {
    /// No rows.
    pub(super) fn new(games: Arc<Games>, own: Own) -> Self {
        Self {
            identities: DashMap::new(),
            addresses: DashMap::new(),
            own,
            lost: Lost::default(),
            shows: Shows {
                games,
                hidden: RwLock::new(Arc::new(|_| false)),
            },
            foreign: AtomicUsize::new(0),
            most_foreign: AtomicUsize::new(usize::MAX),
            left_out: AtomicUsize::new(0),
        }
    }

    /// Lists an own server, or changes it, and returns its number: if it is `new` here and takes
    /// over a row that others state, the number of that row.
    pub(super) fn list_own(&self, mut server: Server, new: bool) -> u64 {
        self.put(&mut server, new);
        let number = server.number;
        self.own.feed().change(number, Change::Listed(server));
        number
    }

    /// An own server with this number has left the list.
    pub(super) fn unlist_own(&self, number: u64, placement: &Placement) {
        let origin = &Origin::Here;
        self.remove(Of { origin, number }, placement);
        self.own.feed().change(number, Change::Gone);
    }

    /// Takes in a statement of another member. Returns whether there was room for it; one that is
    /// not `new` has its room.
    pub(super) fn state(&self, mut server: Server, new: bool) -> bool {
        if new {
            let most = self.most_foreign.load(Ordering::Relaxed);
            let one_more = |count| (count < most).then_some(count + 1);
            let counted = self
                .foreign
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
            if counted.is_err() {
                return false;
            }
        }
        self.put(&mut server, false);
        true
    }

    /// The same tag, in the memory that all servers of the game share.
    pub(super) fn share(&self, game: Game) -> Game {
        self.shows.games.share(game)
    }

    /// Removes a statement of another member.
    pub(super) fn retract(&self, of: Of<'_>, placement: &Placement) {
        self.foreign.fetch_sub(1, Ordering::Relaxed);
        self.remove(of, placement);
    }

    fn put(&self, server: &mut Server, new: bool) {
        match server.placement.identity {
            Some(identity) => {
                let mut row = self.identities.entry(identity).or_default();
                row.put(server, new, &self.shows);
                self.lost.update(identity, row.lost());
            }
            None => {
                let Placement { game, address, .. } = &*server.placement;
                let at = (game.clone(), *address);
                let new_row = || AtAddress::new(self.shows.games.admit(game));
                let mut row = self.addresses.entry(at).or_insert_with(new_row);
                row.put(server, new, &self.shows);
            }
        }
    }

    fn remove(&self, of: Of<'_>, placement: &Placement) {
        match placement.identity {
            Some(identity) => {
                self.identities.remove_if_mut(&identity, |_, row| {
                    row.remove(of, &self.shows);
                    self.lost.update(identity, row.lost());
                    row.is_empty()
                });
            }
            None => {
                let at = (placement.game.clone(), placement.address);
                self.addresses.remove_if_mut(&at, |_, row| {
                    row.remove(of, &self.shows);
                    row.is_empty()
                });
            }
        }
    }

    /// A statement of another member has this heartbeat now.
    pub(super) fn heartbeat(
        &self,
        of: Of<'_>,
        placement: &Placement,
        heartbeat: Bytes,
        now: SystemTime,
    ) {
        match placement.identity {
            Some(identity) => {
                if let Some(mut row) = self.identities.get_mut(&identity) {
                    row.heartbeat(of, heartbeat, now, &self.shows);
                }
            }
            None => {
                let at = (placement.game.clone(), placement.address);
                if let Some(mut row) = self.addresses.get_mut(&at) {
                    row.heartbeat(of, heartbeat, now);
                }
            }
        }
    }

    /// A statement of another member.
    pub(super) fn stated(&self, of: Of<'_>, placement: &Placement) -> Option<Server> {
        match placement.identity {
            Some(identity) => self.identities.get(&identity)?.stated(of).cloned(),
            None => {
                let at = (placement.game.clone(), placement.address);
                self.addresses.get(&at)?.stated(of).cloned()
            }
        }
    }

    /// Changes which addresses are hidden.
    pub(super) fn set_hidden(&self, hidden: Arc<Hidden>) {
        *self.shows.hidden.write() = hidden;
        self.together(|| {
            for mut row in self.identities.iter_mut() {
                row.show(&self.shows);
            }
            for mut row in self.addresses.iter_mut() {
                row.show(&self.shows);
            }
        });
    }

    /// Lets all changes that `work` makes take effect together, in every feed.
    pub(super) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.own.begin();
        let done = self.shows.games.together(work);
        self.own.end();
        done
    }

    /// The same for changes that come piece by piece, in the feeds of clients.
    pub(super) fn begin_long(&self) -> Option<Together> {
        self.shows.games.begin_long()
    }

    /// Changes how many statements of other members are taken in. Those that were taken in stay.
    pub(super) fn set_most_foreign(&self, most: usize) {
        self.most_foreign.store(most, Ordering::Relaxed);
    }

    /// How many statements of other members were taken in.
    pub(super) fn foreign(&self) -> usize {
        self.foreign.load(Ordering::Relaxed)
    }

    /// One more statement of another member was left out.
    pub(super) fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// So many of those that were left out do not count any more.
    pub(super) fn forget_left_out(&self, count: usize) {
        self.left_out.fetch_sub(count, Ordering::Relaxed);
    }

    /// How many were left out.
    pub(super) fn left_out(&self) -> usize {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Whether another statement could be taken in.
    pub(super) fn has_room(&self) -> bool {
        self.foreign() < self.most_foreign.load(Ordering::Relaxed)
    }
}

//! The list of a member of a cluster: what its own servers and all other members state, merged.
//!
//! Statements about one identity are one row; of servers without identity at one address, those of
//! one member are rows. [`claims`](super::claims) says what is shown of them.
//!
//! Locks are taken in this order, and of each kind at most one at a time: an entry of the registry
//! (by its own changes), a row here, then what sinks and [`Games`] lock. So no change of a row
//! waits for an entry, and two entries at one address meet only here, in their row.

mod address;
mod basis;
mod identity;
mod lost;

use super::games::{Games, Together};
use crate::{
    Fingerprint, Game,
    feed::Own,
    list::{Change, Clock, MemberRun, Origin, Placement, Readers, Server, Sink, Stamp},
};
use address::AtAddress;
use basis::{Depends, View};
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
    depends: Depends,
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

    /// Other members may show this statement.
    fn touch(&self, server: &Server) {
        let member = self.games.admit(&server.placement.game);
        member.touch(server.number);
    }
}

/// What is new in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Heartbeat,
    /// Where the server is, or when it came there.
    Place,
}

impl Said {
    fn of(known: Option<&Server>, server: &Server) -> Self {
        match known {
            Some(known) if !known.is_placed_like(server, Readers::Members) => Self::Place,
            Some(known) if known.heartbeat != server.heartbeat => Self::Heartbeat,
            Some(_) => Self::Nothing,
            None => Self::Place,
        }
    }
}

/// Whether there are statements, and clients are shown the same whichever of them are known. Then
/// it makes no difference to any member when one of them comes or goes.
fn are_alike<'a>(statements: impl IntoIterator<Item = &'a Server>) -> bool {
    let mut statements = statements.into_iter();
    let first = statements.next();
    first.is_some_and(|first| statements.all(|it| it.looks_like(first, Readers::Clients)))
}

/// The number of a statement within what its origin states.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) origin: &'a Origin,
    pub(super) number: u64,
}

impl<'a> Of<'a> {
    fn this(server: &'a Server) -> Self {
        Self {
            origin: &server.origin,
            number: server.number,
        }
    }

    fn is(self, server: &Server) -> bool {
        server.number == self.number && server.origin == *self.origin
    }
}

impl Merged {
    /// No rows.
    pub(super) fn new(games: Arc<Games>, clock: Arc<Clock>) -> Self {
        Self {
            own: Own::new(clock.clone()),
            depends: Depends::new(games.clone(), clock),
            identities: DashMap::new(),
            addresses: DashMap::new(),
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
        server.number
    }

    /// An own server with this number has left the list.
    pub(super) fn unlist_own(&self, number: u64, placement: &Placement) {
        self.own.feed().change(number, Change::Gone);
        let origin = &Origin::Here;
        self.remove(Of { origin, number }, placement);
    }

    /// Takes in a statement of another member, and returns what is new in it. None if there was no
    /// room for it; one that is not `new` has its room.
    pub(super) fn state(&self, mut server: Server, new: bool) -> Option<Said> {
        if new {
            let most = self.most_foreign.load(Ordering::Relaxed);
            let one_more = |count| (count < most).then_some(count + 1);
            let counted = self
                .foreign
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
            counted.ok()?;
        }
        Some(self.put(&mut server, false))
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

    fn put(&self, server: &mut Server, new: bool) -> Said {
        match server.placement.identity {
            Some(identity) => {
                let mut row = self.identities.entry(identity).or_default();
                let succeeds = new.then(|| row.succeeds(server)).flatten();
                self.number(server, succeeds);
                let said = row.put(server, &self.shows);
                self.lost.update(identity, row.lost());
                said
            }
            None => {
                let Placement { game, address, .. } = &*server.placement;
                let at = (game.clone(), *address);
                let new_row = || AtAddress::new(self.shows.games.admit(game));
                let mut row = self.addresses.entry(at).or_insert_with(new_row);
                let succeeds = new.then(|| row.succeeds()).flatten();
                self.number(server, succeeds);
                row.put(server, &self.shows)
            }
        }
    }

    /// Gives a statement the number that it takes over, if any. Others are told of an own server
    /// before clients are, so that no beat says that all is stated when it is not.
    fn number(&self, server: &mut Server, succeeds: Option<u64>) {
        server.number = succeeds.unwrap_or(server.number);
        if server.origin == Origin::Here {
            let own = self.own.feed();
            own.change(server.number, Change::Listed(server.clone()));
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

    /// A statement of another member has this heartbeat now. Returns what is new in it.
    pub(super) fn heartbeat(
        &self,
        of: Of<'_>,
        placement: &Placement,
        heartbeat: Bytes,
        now: SystemTime,
    ) -> Said {
        match placement.identity {
            Some(identity) => {
                let row = self.identities.get_mut(&identity);
                row.map(|mut row| row.heartbeat(of, heartbeat, now, &self.shows))
            }
            None => {
                let at = (placement.game.clone(), placement.address);
                let row = self.addresses.get_mut(&at);
                row.map(|mut row| row.heartbeat(of, heartbeat, now))
            }
        }
        .unwrap_or(Said::Nothing)
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

    /// Changes which addresses are hidden: those that these words stand for.
    pub(super) fn set_hidden(&self, which: &str, hidden: Arc<Hidden>) {
        self.together(|| {
            *self.shows.hidden.write() = hidden;
            for mut row in self.identities.iter_mut() {
                row.show(&self.shows);
            }
            for mut row in self.addresses.iter_mut() {
                row.show(&self.shows);
            }
            self.depend(Stamp(0), |view| view.hide(which));
        });
    }

    /// The list has the own servers of this member.
    pub(super) fn has_own(&self, me: &MemberRun) {
        self.depend(Stamp(0), |view| view.add(me));
    }

    /// The list has what another member states, from this time on.
    pub(super) fn join(&self, whose: &MemberRun) -> Stamp {
        let incomplete = self.left_out() > 0;
        self.depends.join(|view| {
            view.incomplete = incomplete;
            view.add(whose);
        })
    }

    /// The list has not what another member states any more.
    pub(super) fn leave(&self, whose: &MemberRun) {
        self.depend(Stamp(0), |view| view.remove(whose));
    }

    /// More may have happened to what the member has stated that `joined` at this time than was
    /// told.
    pub(super) fn doubt(&self, joined: Stamp) {
        self.depend(joined, |_| {});
    }

    fn depend(&self, joined: Stamp, change: impl FnOnce(&mut View)) {
        let incomplete = self.left_out() > 0;
        self.depends.change(joined, |view| {
            view.incomplete = incomplete;
            change(view);
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

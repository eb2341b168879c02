//! A list as the task that owns it sees it: a pure state machine, without socket and clock.
//!
//! A request is a peer that says one thing, is answered, and is closed.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use imbl::OrdMap;
use metaserve::bans::Bans;

use super::{Native, Shown, ShownOf};
use crate::{
    metrics::{LeftOut, Tally},
    peers::{self, Chore, ConnectionId, Lobby, Standing},
    web::Reply,
};

/// How often a list is looked at, and what has changed is kept.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a protocol decides about its list. Pure.
pub trait ServerList: fmt::Debug + Sized + Send + 'static {
    /// The game under which servers are published by default.
    const GAME: &'static str;

    /// The limits of servers.
    type Limits: fmt::Debug + Clone + Default + Send + Sync + 'static;
    /// A request that can be understood.
    type Asked: Send + 'static;
    /// What the list asks for beside answers, such as a challenge to a server.
    type Work: Send + 'static;
    /// What has come of such work.
    type Done: Send + 'static;
    /// A server, as it is passed on to the registry.
    type Listed: Send + 'static;
    /// A server of the registry, as clients are shown it.
    type Native: Native;
    /// The servers that have registered. Cheap to clone.
    type Servers: Clone + Default + Send + Sync + 'static;

    /// Returns the answer to a request. `wall` is the wall-clock time at which it came.
    fn answer(
        &mut self,
        asked: Self::Asked,
        now: Instant,
        wall: SystemTime,
        orders: &mut Orders<Self>,
    ) -> Reply;

    /// Takes in what has come of work.
    fn done(&mut self, done: Self::Done, now: Instant, orders: &mut Orders<Self>);

    /// Does what has become due. Called once a second, and first when the list opens.
    fn look(&mut self, now: Instant, orders: &mut Orders<Self>);

    /// Drops servers at addresses that are banned now.
    fn drop_hosts(
        &mut self,
        is_banned: &dyn Fn(IpAddr) -> bool,
        now: Instant,
        orders: &mut Orders<Self>,
    );

    /// Returns the servers to be shown beside these of the registry. Called whenever they are to be
    /// shown again.
    fn servers(&mut self, natives: &OrdMap<u64, Arc<Self::Native>>) -> Self::Servers;
}

/// What a list wants done, beside answering.
pub struct Orders<L: ServerList> {
    effects: Vec<Effect<L>>,
    is_changed: bool,
    is_unkept: bool,
}

/// An order of a list to the task that owns it.
pub type Effect<L> = peers::Effect<u64, <L as ServerList>::Listed, Errand<L>>;

/// What a list asks for beside answers and listings.
pub enum Errand<L: ServerList> {
    /// Do this work.
    Do(L::Work),
    /// Show this from now on.
    Show(ShownOf<L>),
    /// Keep the servers of this for the next run. The two times are of the same moment.
    Keep(ShownOf<L>, Instant, SystemTime),
}

/// What a peer does, or what has come of work.
pub enum Event<L: ServerList> {
    /// It sends a request, at this wall-clock time.
    Asks(Box<L::Asked>, SystemTime),
    /// Work has ended.
    Done(L::Done),
    /// It has ended.
    Ended,
}

/// What happens to a list other than by requests.
#[derive(Clone, Debug)]
pub enum News<N> {
    /// A second has passed.
    Second,
    /// Servers of the registry have changed. Each has a number: `Some` says how to show it, and
    /// `None` to withdraw it.
    Natives(Vec<(u64, Option<N>)>),
    /// These are the bans from now on.
    Bans(Arc<Bans>),
}

/// A list with all that is shown of the registry.
#[derive(Debug)]
pub struct ListLobby<L: ServerList> {
    list: L,
    natives: OrdMap<u64, Arc<L::Native>>,
    /// The most of them.
    most: usize,
    /// Whether the operator knows that there are more.
    is_crowded: bool,
    tally: Tally,
    /// Whether the kept servers are older than these.
    is_unkept: bool,
}

impl<L: ServerList> Orders<L> {
    fn new() -> Self {
        Self {
            effects: Vec::new(),
            is_changed: false,
            is_unkept: false,
        }
    }

    /// Gives the registry this description of a server, by a number of the list's own.
    pub fn list(&mut self, id: u64, listed: L::Listed) {
        self.effects.push(Effect::<L>::List(id, listed));
        self.changed();
    }

    /// Removes a server from the registry.
    pub fn unlist(&mut self, id: u64) {
        self.effects.push(Effect::<L>::Unlist(id));
        self.changed();
    }

    /// Asks for work.
    pub fn work(&mut self, work: L::Work) {
        self.effects.push(Effect::<L>::Errand(Errand::Do(work)));
    }

    /// Has the servers shown again, and kept.
    pub fn changed(&mut self) {
        (self.is_changed, self.is_unkept) = (true, true);
    }

    /// Has the servers kept: something has changed that clients are not shown.
    pub fn keep(&mut self) {
        self.is_unkept = true;
    }
}

impl<L: ServerList> ListLobby<L> {
    /// Makes a lobby of a list. At most `most` servers of the registry are shown.
    #[must_use]
    pub fn new(list: L, most: usize) -> Self {
        Self {
            list,
            natives: OrdMap::new(),
            most,
            is_crowded: false,
            tally: Tally::default(),
            is_unkept: false,
        }
    }

    /// Counts the servers of the registry that are left out.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// The list.
    #[must_use]
    pub const fn list(&self) -> &L {
        &self.list
    }

    fn natives_changed(&mut self, changes: Vec<(u64, Option<L::Native>)>) {
        for (number, native) in changes {
            let room = self.natives.len() < self.most;
            match native {
                Some(native) if room || self.natives.contains_key(&number) => {
                    self.natives.insert(number, Arc::new(native));
                }
                Some(_) => {
                    self.tally.left_out(LeftOut::Shown);
                    if !std::mem::replace(&mut self.is_crowded, true) {
                        let most = self.most;
                        tracing::warn!(
                            "only {most} servers of the registry are shown: there are more"
                        );
                    }
                }
                None => drop(self.natives.remove(&number)),
            }
        }
        self.is_crowded &= self.natives.len() >= self.most;
    }

    fn shown(&mut self) -> ShownOf<L> {
        Shown {
            servers: self.list.servers(&self.natives),
            natives: self.natives.clone(),
        }
    }

    /// Returns what the list wants, and shows what has changed.
    fn carry_out(&mut self, orders: Orders<L>) -> Vec<Effect<L>> {
        let Orders {
            mut effects,
            is_changed,
            is_unkept,
        } = orders;
        self.is_unkept |= is_unkept;
        if is_changed {
            effects.push(Effect::<L>::Errand(Errand::Show(self.shown())));
        }
        effects
    }
}

impl<L: ServerList> Lobby for ListLobby<L> {
    type Event = Event<L>;
    type News = News<L::Native>;
    type GameId = u64;
    type Game = L::Listed;
    type Errand = Errand<L>;

    fn ended() -> Event<L> {
        Event::Ended
    }

    fn handle(&mut self, who: ConnectionId, what: Event<L>, now: Instant) -> Vec<Effect<L>> {
        let mut orders = Orders::new();
        let reply = match what {
            Event::Asks(asked, wall) => Some(self.list.answer(*asked, now, wall, &mut orders)),
            Event::Done(done) => {
                self.list.done(done, now, &mut orders);
                None
            }
            Event::Ended => None,
        };
        // The list changes before the answer says so.
        let mut effects = self.carry_out(orders);
        if let Some(reply) = reply {
            effects.push(Effect::<L>::Send(who, reply.encode()));
            effects.push(Effect::<L>::Close(who));
        }
        effects
    }

    fn hear(&mut self, news: News<L::Native>, now: Instant, wall: SystemTime) -> Vec<Effect<L>> {
        let mut orders = Orders::new();
        match news {
            News::Second => self.list.look(now, &mut orders),
            News::Natives(changes) => {
                self.natives_changed(changes);
                orders.is_changed = true;
            }
            News::Bans(bans) => {
                let is_banned = |ip| bans.covering(ip, wall).is_some();
                self.list.drop_hosts(&is_banned, now, &mut orders);
            }
        }
        let mut effects = self.carry_out(orders);
        if std::mem::take(&mut self.is_unkept) {
            let shown = self.shown();
            effects.push(Effect::<L>::Errand(Errand::Keep(shown, now, wall)));
        }
        effects
    }

    fn standing(&self, _: ConnectionId) -> Standing {
        Standing::Inside
    }

    fn chores(&self) -> Vec<Chore<News<L::Native>>> {
        vec![Chore {
            first: Duration::ZERO,
            every: LOOK_EVERY,
            news: News::Second,
        }]
    }
}

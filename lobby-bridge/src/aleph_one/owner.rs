//! The one task that owns the hall. All others tell it what happened, one event after the
//! other, and it carries out what the hall decides without ever waiting for anything.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use metaserve::{Fingerprint, bans::Bans, time::wall_clock};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    GameId,
    errands::Errands,
    event::{Effect, Ends, Event},
    hall::{Hall, Standing},
    natives::Natives,
    published,
    server::Gate,
};
use crate::{
    net::{ConnectionId, Heart, Outbox, now},
    publish::{Key, Listings},
};

/// Events under way besides the one slot of each connection for its end.
const QUEUED_EVENTS: usize = 256;

/// How often tokens are looked through for those whose time is over.
const SWEEP: Duration = Duration::from_secs(1);

/// How often the registry is told how long games still go on.
const RELIST: Duration = Duration::from_secs(10);

/// How often it is looked whether there is a hub: operators add and remove them meanwhile.
const HUBS: Duration = Duration::from_secs(30);

/// How often players may be told how full the rooms are.
const ANNOUNCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Command {
    Accepted(ConnectionId, Gate, Ends, Arc<Outbox>),
    Happened(ConnectionId, Event),
    /// The end of a connectivity test with this number.
    Tested(ConnectionId, u64, Vec<String>),
    /// Whether there is any hub.
    HasHub(bool),
    Said(ConnectionId, Event, oneshot::Sender<(Standing, usize)>),
}

/// How connections talk to the owner. When the owner has ended, what they say is lost and what
/// they ask is answered as for a connection that is closing.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    commands: mpsc::Sender<Command>,
}

impl Owner {
    /// Prepares for `connections` connections at one time; [`Desk::run`] is the owner's task.
    pub(super) fn new(connections: usize) -> (Self, Desk) {
        let (commands, receiver) = mpsc::channel(connections + QUEUED_EVENTS);
        (Self { commands }, Desk { commands: receiver })
    }

    /// Announces a connection, and sees to it that its end will be announced.
    pub(super) async fn accepted(
        &self,
        who: ConnectionId,
        gate: Gate,
        ends: Ends,
        outbox: Arc<Outbox>,
    ) -> Option<Farewell> {
        let slot = self.commands.clone().reserve_owned().await.ok()?;
        self.tell(Command::Accepted(who, gate, ends, outbox)).await;
        let slot = Some(slot);
        Some(Farewell { who, slot })
    }

    pub(super) async fn tell(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }

    /// Has what a client sent executed. Waits for that, so that one connection has one packet
    /// under way: one that sends many delays nobody but itself. Also returns how many bytes it
    /// was told in return: what others are told by it, it is told as well.
    pub(super) async fn said(&self, who: ConnectionId, what: Event) -> (Standing, usize) {
        let (done, standing) = oneshot::channel();
        self.tell(Command::Said(who, what, done)).await;
        standing.await.unwrap_or((Standing::Closing, 0))
    }
}

/// Announces the end of a connection when it is dropped, on every way out. Its slot in the
/// owner's queue is reserved from the beginning, so that there is nothing to wait for then.
#[derive(Debug)]
pub(super) struct Farewell {
    who: ConnectionId,
    slot: Option<mpsc::OwnedPermit<Command>>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.send(Command::Happened(self.who, Event::Ended));
        }
    }
}

/// The owner's end of the queue.
#[derive(Debug)]
pub(super) struct Desk {
    commands: mpsc::Receiver<Command>,
}

/// What the owner needs besides its queue.
pub(super) struct Means {
    pub(super) hall: Hall,
    pub(super) errands: Errands,
    pub(super) listings: Listings,
    /// The servers of the registry to show as games.
    pub(super) natives: Natives,
    pub(super) bans: watch::Receiver<Arc<Bans>>,
    /// Who publishes the games.
    pub(super) bridge: Option<Fingerprint>,
}

impl Desk {
    /// Owns the hall until `shutdown`; publishes its games meanwhile.
    pub(super) async fn run(mut self, means: Means, mut heart: Heart, shutdown: CancellationToken) {
        let mut sweep = interval_at(now() + SWEEP, SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut relist = interval_at(now() + RELIST, RELIST);
        relist.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut announce = interval_at(now() + ANNOUNCE, ANNOUNCE);
        announce.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hubs = interval(HUBS);
        hubs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut state = State {
            means,
            outboxes: HashMap::new(),
            waiting: HashMap::new(),
            listed: HashSet::new(),
        };
        state.means.bans.mark_changed();
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => state.execute(command),
                    None => return,
                },
                changes = state.means.natives.changes() => state.natives_changed(changes),
                // It ends with the program only.
                Ok(()) = state.means.bans.changed() => state.bans_changed(),
                () = heart.beat() => {}
                _ = sweep.tick() => {
                    let now = now().into_std();
                    state.means.hall.keep_time(now, wall_clock());
                    state.means.hall.expire(now);
                }
                _ = relist.tick() => {
                    let effects = state.means.hall.relist(now().into_std());
                    state.carry_out(effects);
                }
                _ = announce.tick() => {
                    let effects = state.means.hall.announce_counts();
                    state.carry_out(effects);
                }
                _ = hubs.tick() => state.means.errands.look_for_hubs(),
                () = shutdown.cancelled() => return,
            }
        }
    }
}

struct State {
    means: Means,
    outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    /// Connections whose packet needs something from elsewhere before the next one counts.
    waiting: HashMap<ConnectionId, oneshot::Sender<(Standing, usize)>>,
    listed: HashSet<GameId>,
}

impl State {
    fn execute(&mut self, command: Command) {
        match command {
            Command::Accepted(who, gate, ends, outbox) => {
                self.outboxes.insert(who, outbox);
                let event = match gate {
                    Gate::Login => Event::AtLogin(ends),
                    Gate::Room(position) => Event::AtRoom(position, ends),
                };
                self.happened(who, event);
            }
            Command::Happened(who, what) => {
                let ended = what == Event::Ended;
                self.happened(who, what);
                if let Some(done) = self.waiting.remove(&who) {
                    let _ = done.send((self.means.hall.standing(who), 0));
                }
                if ended {
                    self.outboxes.remove(&who);
                    self.means.errands.end_test(who);
                }
            }
            Command::Tested(who, number, lines) => {
                if self.means.errands.test_ended(who, number) {
                    self.happened(who, Event::Tested(lines));
                }
            }
            Command::HasHub(has_hub) => {
                if self.means.hall.has_hub(has_hub) && !has_hub {
                    tracing::warn!(
                        "no hub is configured: players whose game is set to use a dedicated \
                         server, as new ones are, cannot gather; add one with the command `hub add`"
                    );
                }
            }
            Command::Said(who, what, done) => self.said(who, what, done),
        }
    }

    fn said(&mut self, who: ConnectionId, what: Event, done: oneshot::Sender<(Standing, usize)>) {
        let effects = self.handle(who, what);
        let told = effects.iter().map(|effect| match effect {
            Effect::Send(to, frame) if *to == who => frame.len(),
            _ => 0,
        });
        let told = told.sum();
        let waits = effects.iter().any(|effect| match effect {
            Effect::FindHub(asks, _) | Effect::FindHubs(asks, _) => *asks == who,
            _ => false,
        });
        self.carry_out(effects);
        match waits {
            true => drop(self.waiting.insert(who, done)),
            false => {
                let _ = done.send((self.means.hall.standing(who), told));
            }
        }
    }

    fn happened(&mut self, who: ConnectionId, what: Event) {
        let effects = self.handle(who, what);
        self.carry_out(effects);
    }

    fn handle(&mut self, who: ConnectionId, what: Event) -> Vec<Effect> {
        self.means.hall.handle(who, what, now().into_std())
    }

    fn bans_changed(&mut self) {
        let (bans, now) = (
            self.means.bans.borrow_and_update().clone(),
            now().into_std(),
        );
        self.means.hall.keep_time(now, wall_clock());
        let effects = self.means.hall.hold_to(bans, now);
        self.carry_out(effects);
    }

    fn natives_changed(&mut self, changes: Vec<super::natives::Change>) {
        for change in changes {
            let Means { hall, natives, .. } = &mut self.means;
            let effects = natives.apply(change, hall, now().into_std());
            self.carry_out(effects);
        }
    }

    /// Carries out effects, and those of disconnecting clients that do not read.
    fn carry_out(&mut self, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            let mut stuck = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Send(to, frame) => {
                        let outbox = self.outboxes.get(&to);
                        if outbox.is_some_and(|outbox| outbox.push(frame).is_err()) {
                            stuck.push(to);
                        }
                    }
                    Effect::Close(who) => {
                        if let Some(outbox) = self.outboxes.remove(&who) {
                            outbox.finish();
                        }
                    }
                    Effect::List(id, game) => {
                        let bridge = self.means.bridge.as_ref();
                        if let Some(listing) = published::listing(&game, bridge) {
                            self.listed.insert(id);
                            self.means.listings.list(key(id), listing);
                        }
                    }
                    Effect::Unlist(id) => {
                        self.listed.remove(&id);
                        self.means.listings.unlist(key(id));
                    }
                    errand => self.means.errands.run(errand),
                }
            }
            effects = Vec::new();
            for who in stuck {
                self.outboxes.remove(&who);
                effects.extend(self.handle(who, Event::Ended));
            }
        }
    }
}

impl Drop for State {
    /// Whatever ends the owner, its games must not stay in the list.
    fn drop(&mut self) {
        for id in self.listed.drain() {
            self.means.listings.unlist(key(id));
        }
    }
}

fn key(GameId(id): GameId) -> Key {
    Key {
        protocol: "myth",
        id: id.into(),
    }
}

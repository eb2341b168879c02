//! The one task that owns the lobby. All others tell it what happened, one event after the
//! other, and it carries out what the lobby decides without ever waiting for a connection.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId,
    handshake::Role,
    listing::listing,
    lobby::{Effect, Event, Lobby},
    pipe::Half,
    room::RoomId,
    server::Settings,
    sessions::Arrival,
    uuid::Uuid,
};
use crate::{
    net::{Heart, Outbox},
    publish::{Key, Listings},
};

/// Events under way besides the one slot of each connection for its end.
pub(super) const QUEUED_EVENTS: usize = 256;

/// How often sessions are looked through for those whose time is over.
const SWEEP: Duration = Duration::from_secs(30);

/// Where the lobby stands with a client after one of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not logged in yet.
    Greeting,
    /// It is logged in.
    Authorised,
    /// It is being closed; nothing more from it counts.
    Closing,
}

/// What a pipe is to do after its arrival.
#[derive(Debug)]
pub(super) enum Answer {
    Refused,
    /// Wait for a partner, and hand itself over to it.
    Waits(oneshot::Receiver<oneshot::Sender<Half>>),
    /// Take over this partner; if it does not come, arrive again.
    Pairs(oneshot::Receiver<Half>),
}

#[derive(Debug)]
enum Command {
    Happened(ConnectionId, Event),
    /// With its address, and that of ours that it came in on.
    Entered(ConnectionId, (IpAddr, SocketAddr), Arc<Outbox>),
    Said(ConnectionId, Event, oneshot::Sender<(Standing, usize)>),
    Arrived(ConnectionId, Role, Uuid, oneshot::Sender<Answer>),
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
    pub(super) async fn accepted(&self, who: ConnectionId, peer: SocketAddr) -> Option<Farewell> {
        let slot = self.commands.clone().reserve_owned().await.ok()?;
        self.happened(who, Event::Accepted(peer.ip())).await;
        Some(Farewell {
            who,
            slot: Some(slot),
        })
    }

    pub(super) async fn happened(&self, who: ConnectionId, what: Event) {
        let _ = self.commands.send(Command::Happened(who, what)).await;
    }

    pub(super) async fn entered(
        &self,
        who: ConnectionId,
        ends: (IpAddr, SocketAddr),
        to: Arc<Outbox>,
    ) {
        let _ = self.commands.send(Command::Entered(who, ends, to)).await;
    }

    /// Has what a client sent executed. Waits for that, so that one connection has one frame
    /// under way: one that sends many delays nobody but itself. Also returns how many bytes it
    /// was told in return: what others are told by it, it is told as well.
    pub(super) async fn said(&self, who: ConnectionId, what: Event) -> (Standing, usize) {
        let (done, standing) = oneshot::channel();
        let _ = self.commands.send(Command::Said(who, what, done)).await;
        standing.await.unwrap_or((Standing::Closing, 0))
    }

    pub(super) async fn arrived(&self, who: ConnectionId, role: Role, uuid: Uuid) -> Answer {
        let (done, answer) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::Arrived(who, role, uuid, done))
            .await;
        answer.await.unwrap_or(Answer::Refused)
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

impl Desk {
    /// Owns `lobby` until `shutdown`; publishes its rooms in `listings` meanwhile.
    pub(super) async fn run(
        mut self,
        lobby: Lobby,
        settings: Settings,
        listings: Listings,
        mut heart: Heart,
        shutdown: CancellationToken,
    ) {
        let period = settings.health_check;
        let mut health = interval_at(super::now() + period, period);
        // A late check must not be followed by one that gives clients no time to answer.
        health.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweep = interval_at(super::now() + SWEEP, SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);

        let mut state = State {
            lobby,
            settings,
            listings,
            outboxes: HashMap::new(),
            waiting: HashMap::new(),
            listed: HashSet::new(),
        };
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => state.execute(command),
                    None => return,
                },
                _ = health.tick() => {
                    let effects = state.lobby.check_health();
                    state.carry_out(effects);
                }
                () = heart.beat() => {}
                _ = sweep.tick() => state.lobby.expire(super::now().into_std()),
                () = shutdown.cancelled() => return,
            }
        }
    }
}

struct State {
    lobby: Lobby,
    settings: Settings,
    listings: Listings,
    outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    waiting: HashMap<ConnectionId, oneshot::Sender<oneshot::Sender<Half>>>,
    listed: HashSet<RoomId>,
}

impl State {
    fn execute(&mut self, command: Command) {
        match command {
            Command::Happened(who, what) => {
                let ended = what == Event::Ended;
                self.happened(who, what);
                if ended {
                    self.outboxes.remove(&who);
                    self.waiting.remove(&who);
                }
            }
            Command::Entered(who, (peer, local), outbox) => {
                self.outboxes.insert(who, outbox);
                self.happened(who, Event::Entered { peer, local });
            }
            Command::Said(who, what, done) => {
                let effects = self.handle(who, what);
                let told = effects.iter().map(|effect| match effect {
                    Effect::Send(to, message) if *to == who => message.len(),
                    _ => 0,
                });
                let told = told.sum();
                self.carry_out(effects);
                let standing = match self.outboxes.contains_key(&who) {
                    false => Standing::Closing,
                    true if self.lobby.is_authorised(who) => Standing::Authorised,
                    true => Standing::Greeting,
                };
                let _ = done.send((standing, told));
            }
            Command::Arrived(who, role, uuid, done) => {
                let now = super::now().into_std();
                let arrival = self.lobby.arrive(who, role, uuid, now);
                let _ = done.send(self.answer(who, arrival));
            }
        }
    }

    fn happened(&mut self, who: ConnectionId, what: Event) {
        let effects = self.handle(who, what);
        self.carry_out(effects);
    }

    fn handle(&mut self, who: ConnectionId, what: Event) -> Vec<Effect> {
        self.lobby.handle(who, what, super::now().into_std())
    }

    /// Carries out effects, and those of disconnecting clients that do not read.
    fn carry_out(&mut self, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            let mut stuck = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Send(to, message) => {
                        let outbox = self.outboxes.get(&to);
                        if outbox.is_some_and(|outbox| outbox.push(message).is_err()) {
                            stuck.push(to);
                        }
                    }
                    Effect::Close(who) => {
                        if let Some(outbox) = self.outboxes.remove(&who) {
                            outbox.finish();
                        }
                    }
                    Effect::List(id, room) => {
                        let limit = self.settings.limits.listing_bytes;
                        let listing = listing(&room, &self.settings.public_addresses, limit);
                        self.listed.insert(id);
                        self.listings.list(key(id), listing);
                    }
                    Effect::Unlist(id) => {
                        self.listed.remove(&id);
                        self.listings.unlist(key(id));
                    }
                }
            }
            effects = Vec::new();
            for who in stuck {
                self.outboxes.remove(&who);
                effects.extend(self.handle(who, Event::Ended));
            }
        }
    }

    fn answer(&mut self, who: ConnectionId, arrival: Arrival) -> Answer {
        match arrival {
            Arrival::Refused => Answer::Refused,
            Arrival::Waits => {
                let (partner, found) = oneshot::channel();
                self.waiting.insert(who, partner);
                Answer::Waits(found)
            }
            Arrival::Pairs(partner) => {
                let (give, take) = oneshot::channel();
                if let Some(waiting) = self.waiting.remove(&partner) {
                    // If it has just gone, `take` fails, and who asked arrives again.
                    let _ = waiting.send(give);
                }
                Answer::Pairs(take)
            }
        }
    }
}

impl Drop for State {
    /// Whatever ends the owner, its rooms must not stay in the list.
    fn drop(&mut self) {
        for id in self.listed.drain() {
            self.listings.unlist(key(id));
        }
    }
}

fn key(RoomId(id): RoomId) -> Key {
    Key {
        protocol: "vcmi",
        id,
    }
}

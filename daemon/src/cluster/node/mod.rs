//! One member of a cluster, without sockets and without a clock.

mod hearing;
mod resuming;
mod speaking;
mod time;

use super::{
    Banned, Config, Event, Message, Refusal, Role, Status,
    bans::Bans,
    members::{Members, SILENCE},
    sender::Sender,
    steady::Steady,
};
use crate::settings::Terms;
use metaserve::{
    feed::Feeds,
    list::MemberRun,
    protocol::cluster::{FromMember, Hello, Stage},
    registry::Registry,
};
use resuming::Resuming;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use time::Leaps;

/// A member or edge of a cluster.
///
/// Whoever drives it subscribes to [`subscriptions`](Self::subscriptions), says when NATS is
/// [`connected`](Self::connected), passes in what it [`heard`](Self::heard), gives it its
/// [`turn`](Self::turn) when it is due, when NATS has come or gone and when the own feed has changed,
/// and publishes its [`outbox`](Self::outbox) after each of these calls. A call does a bounded
/// amount of work; a turn that wants another one at once has more to do.
pub(crate) struct Node {
    config: Config,
    prefix: String,
    name: Arc<str>,
    registry: Arc<Registry>,
    rng: fastrand::Rng,
    steady: Steady,
    leaps: Leaps,
    members: Members,
    sender: Sender,
    bans: Bans,
    clients: u32,
    stage: Stage,
    /// When joining ends: the others have been collected; and at the latest.
    join: Option<Join>,
    connected: bool,
    /// When the next turn is due; at once if there has been none yet.
    next: Option<Instant>,
    /// When the next beat is due.
    beat: Option<Instant>,
    /// When the last one was.
    said: Option<Instant>,
    /// The members that have come since the last beat.
    come: Vec<Arc<str>>,
    /// Another run that has this member's name, and when it was heard last.
    rival: Option<(u64, Instant)>,
    keeps: bool,
    resuming: Resuming,
    outbox: Vec<Message>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Join {
    /// When those that are there have been heard; none while NATS cannot be reached.
    collected: Option<Instant>,
    latest: Instant,
}

/// How often a member says that it is there.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// How long a member that joins listens for others.
const COLLECT: Duration = Duration::from_secs(2);

/// How long joining takes at the most.
const JOIN: Duration = Duration::from_secs(5);

/// A member that has just subscribed listens for so long before it says something: another one
/// may have its name.
const LISTEN: Duration = Duration::from_millis(500);

/// A hello is answered within this time.
const ANSWER_HELLO: Duration = Duration::from_millis(200);

/// The most names that have come and are not answered yet.
const MAX_COME: usize = 64;

/// Above this many members and edges with questions that wait, those that have not been heard yet
/// are not answered.
const MAX_STRANGERS: usize = 256;

/// The longest part of an inbox after the name of its owner, in bytes.
const MAX_INBOX: usize = 64;

impl Node {
    /// A node that is not connected yet. It follows others into `registry`, which must be a
    /// clustered one; `feeds`, which has the same clock, shows clients what it has. `seed` is for
    /// what should differ between members, such as delays.
    pub(crate) fn new(
        config: Config,
        registry: Arc<Registry>,
        feeds: Arc<Feeds>,
        seed: u64,
    ) -> Self {
        let name: Arc<str> = config.name.as_str().into();
        let me = MemberRun {
            name: name.clone(),
            run: config.run,
        };
        if config.role == Role::Member {
            registry.has_own(&me);
        }
        let clock = registry.clock().clone();
        let own = registry.own().clone();
        Self {
            prefix: format!("ms.{}.", config.cluster),
            members: Members::new(me, registry.clone(), &config),
            sender: Sender::new(config.run, own, clock),
            bans: Bans::default(),
            name,
            config,
            registry,
            rng: fastrand::Rng::with_seed(seed),
            steady: Steady::default(),
            leaps: Leaps::default(),
            clients: 0,
            stage: Stage::Joining,
            join: None,
            connected: false,
            next: None,
            beat: None,
            said: None,
            come: Vec::new(),
            rival: None,
            keeps: false,
            resuming: Resuming::new(feeds),
            outbox: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What to subscribe to: all of it before [`connected`](Self::connected) is called.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let Self { prefix, name, .. } = self;
        let mut subjects = vec![
            format!("{prefix}m.*"),
            format!("{prefix}e.*"),
            format!("{prefix}inbox.{name}.>"),
        ];
        if self.config.role == Role::Member {
            subjects.push(format!("{prefix}hello"));
            subjects.push(format!("{prefix}sync.{name}"));
        }
        subjects
    }

    /// NATS can be reached and everything is subscribed to, or it cannot be reached any more.
    /// While it cannot be reached, nothing is put into the outbox.
    pub(crate) fn connected(&mut self, now: Instant, connected: bool) {
        let now = self.begin(now);
        self.connected = connected;
        self.members.connected(connected);
        if !connected || self.stage == Stage::Leaving {
            self.beat = None;
            return;
        }
        if let Some(join) = &mut self.join {
            join.collected.get_or_insert(now + COLLECT);
        }
        self.beat = Some(match self.stage {
            Stage::Joining => now + LISTEN,
            Stage::Joined | Stage::Leaving => now,
        });
        let hello = Hello {
            member: self.name.to_string(),
            run: self.config.run,
            tag: self.registry.clock().tag(),
        };
        let subject = format!("{}hello", self.prefix);
        self.publish(subject, None, FromMember::Hello(hello).encode());
    }

    /// NATS carries messages of at most so many bytes: what is published from now on is shorter.
    pub(crate) fn set_max_payload(&mut self, most: usize) {
        self.sender.set_max_payload(most);
    }

    /// The name of this member, and its run.
    fn me(&self) -> (&str, u64) {
        (&self.name, self.config.run)
    }

    /// The time on the steady clock; at the first time joining begins.
    fn begin(&mut self, now: Instant) -> Instant {
        let now = self.steady.at(now);
        if self.stage == Stage::Joining {
            self.join.get_or_insert(Join {
                collected: None,
                latest: now + JOIN,
            });
        }
        now
    }

    /// A message has arrived. Returns when it wants its next turn, which may be at once.
    pub(crate) fn heard(&mut self, now: Instant, message: Message) -> Instant {
        let now = self.begin(now);
        if let Err(why) = self.hear(&message, now) {
            let subject = message.subject;
            self.events.push(Event::Refused { subject, why });
        }
        self.tell_heard();
        self.steady.due(*self.next.get_or_insert(now))
    }

    /// The next turn is not later than that.
    fn wake(&mut self, at: Option<Instant>) {
        self.next = self
            .next
            .zip(at)
            .map(|(next, at)| next.min(at))
            .or(self.next);
    }

    /// Does what is due, such as beats, and what the own feed has to say. Returns when it wants
    /// its next turn, which may be at once.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        let now = self.begin(now);
        for name in self.members.turn(now, &mut self.events) {
            self.bans.gone(&name, now);
        }
        self.work(now);
        if self.rival.is_some_and(|(_, heard)| heard + SILENCE <= now) {
            self.rival = None;
            self.sender.restart();
            self.events.push(Event::Rival(None));
        }
        if self.bans.forget(now) {
            self.events.push(Event::Bans);
        }
        if self.members.keeps() != self.keeps {
            self.keeps = !self.keeps;
            self.events.push(Event::CutOff(self.keeps));
        }
        if self.connected && self.stage != Stage::Leaving {
            self.speak(now);
        }
        self.join(now);
        self.tell_heard();
        let next = self.next(now);
        self.next = Some(next);
        self.steady.due(next)
    }

    /// Applies some of what has arrived.
    fn work(&mut self, now: Instant) {
        for known in self.members.with_work() {
            if known.peer.work(now).is_err() {
                self.events.push(Event::Refused {
                    subject: known.peer.whose().name.to_string(),
                    why: Refusal::Malformed,
                });
            }
            known.report(&mut self.events);
        }
    }

    /// Own registrations whose servers are at another member by now are closed.
    fn lose_claims(&self, now: Instant) {
        let heard = |whose: &MemberRun| self.members.hears(whose);
        self.registry
            .settle_lost(now, self.config.idle_timeout, heard);
    }

    /// Whether the list is complete by now.
    fn join(&mut self, now: Instant) {
        let Some(join) = self.join else { return };
        let collected = join.collected.is_some_and(|collected| collected <= now);
        let complete = collected && self.members.are_level();
        if complete || join.latest <= now {
            self.join = None;
            self.stage = Stage::Joined;
            self.found_list(now);
            self.events.push(Event::Joined { complete });
        }
    }

    fn next(&self, now: Instant) -> Instant {
        let answers = self.sender.has_answers();
        if self.members.has_work() || answers && self.states(now) {
            return now;
        }
        let join = self
            .join
            .map(|join| join.collected.filter(|at| now < *at).unwrap_or(join.latest));
        let heard = self.listens_until().filter(|until| answers && now < *until);
        let due = [self.members.due(), self.beat, join, heard];
        let next = due.into_iter().flatten().min();
        next.map_or(now + BEAT, |due| due.clamp(now, now + BEAT))
    }

    /// What to publish, in order.
    pub(crate) fn outbox(&mut self) -> impl Iterator<Item = Message> {
        self.outbox.drain(..)
    }

    /// This message of the outbox could not be handed over in time, and was dropped. Others ask
    /// for what it said.
    pub(crate) fn skipped(&mut self, message: &Message) {
        if let Ok(FromMember::Delta(part)) = FromMember::decode(&message.payload) {
            self.sender.skipped(&part);
        }
    }

    /// Whether the list is as complete as it is going to be: clients can be shown it.
    pub(crate) fn joined(&self) -> bool {
        self.join.is_none() && self.stage != Stage::Joining
    }

    /// The cluster as this node sees it now.
    pub(crate) fn status(&self) -> Status {
        Status {
            members: self.members.status(),
            cut_off: self.keeps,
        }
    }

    /// What has happened since the last call. The driver takes it after each call: it is bounded
    /// by what one call can cause.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Other settings. Members that are kept already stay for the new time; those that are held
    /// stay as long as they were told.
    pub(crate) fn set_terms(&mut self, terms: Terms) {
        self.members.set_terms(terms);
        if self.config.bans != terms.bans {
            self.config.bans = terms.bans;
            self.events.push(Event::Bans);
        }
    }

    /// The bans of all other members, with the time that is left of each. Empty if this node does
    /// not obey them.
    pub(crate) fn bans(&self, now: Instant) -> Vec<Banned> {
        if !self.config.bans {
            return Vec::new();
        }
        self.bans.others(self.steady.read(now))
    }

    /// Whether another run has this member's name, so that this one states nothing.
    #[cfg(test)]
    pub(crate) fn gives_way(&self) -> bool {
        self.rival.is_some()
    }

    /// The revision of this run's list that is known here.
    #[cfg(test)]
    pub(crate) fn knows(&self, name: &str, run: u64) -> Option<u64> {
        self.members.of(name, run)?.at()
    }

    /// How many bans of others are remembered, whether they are in force or not.
    #[cfg(test)]
    pub(crate) fn remembered_bans(&self) -> usize {
        self.bans.remembered()
    }

    /// How many bytes of others' changes wait to be applied.
    #[cfg(test)]
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.members.waiting_bytes()
    }

    /// How many clients this node serves, which others are told.
    pub(crate) fn set_clients(&mut self, clients: u32) {
        self.clients = clients;
    }
}

//! One member of a cluster, without sockets and without a clock.

use super::{
    Banned, Config, Event, Message, Refusal, Role, Status,
    bans::{Bans, Lacks},
    members::{Members, SILENCE},
    sender::{Ready, Sender, Wanted, What},
    steady::Steady,
};
use metaserve::{
    list::{MemberRun, Stamp},
    protocol::{
        cluster::{
            Answer, Ask, Beat, FromMember, Hello, MAX_PAYLOAD_BYTES, MessageError, Part, Stage,
            pack_stated,
        },
        codec::DecodeError,
    },
    registry::Registry,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A member or edge of a cluster.
///
/// Whoever drives it subscribes to [`subscriptions`](Self::subscriptions), says when NATS is
/// [`connected`](Self::connected), passes in what it [`heard`](Self::heard), gives it its
/// [`turn`](Self::turn) when it is due or when the own feed has changed, and publishes its
/// [`outbox`](Self::outbox) after each of these calls.
pub(crate) struct Node {
    config: Config,
    prefix: String,
    name: Arc<str>,
    registry: Arc<Registry>,
    rng: fastrand::Rng,
    steady: Steady,
    members: Members,
    sender: Sender,
    bans: Bans,
    clients: u32,
    stage: Stage,
    /// When joining ends: the others have been collected; and at the latest.
    join: Option<Join>,
    connected: bool,
    /// When the next beat is due.
    beat: Option<Instant>,
    /// Who has come since the last beat.
    come: Vec<Arc<str>>,
    /// Another run that has this member's name, and when it was heard last.
    rival: Option<(u64, Instant)>,
    keeps: bool,
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

impl Node {
    /// A node that is not connected yet. It follows others into `registry`, which must be a
    /// clustered one. `seed` is for what should differ between members, such as delays.
    pub(crate) fn new(config: Config, registry: Arc<Registry>, seed: u64) -> Self {
        let name: Arc<str> = config.name.as_str().into();
        let me = MemberRun {
            name: name.clone(),
            run: config.run,
        };
        let clock = registry.clock().clone();
        let own = registry.own().clone();
        Self {
            prefix: format!("ms.{}.", config.cluster),
            members: Members::new(me, registry.clone(), config.hold, config.keep),
            sender: Sender::new(config.run, own, clock, config.max_payload),
            bans: Bans::default(),
            name,
            config,
            registry,
            rng: fastrand::Rng::with_seed(seed),
            steady: Steady::default(),
            clients: 0,
            stage: Stage::Joining,
            join: None,
            connected: false,
            beat: None,
            come: Vec::new(),
            rival: None,
            keeps: false,
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

    fn publish(&mut self, subject: String, reply: Option<String>, payload: bytes::Bytes) {
        self.outbox.push(Message {
            subject,
            reply,
            payload,
        });
    }

    /// The subject under which this node speaks to all.
    fn own_subject(&self) -> String {
        let kind = match self.config.role {
            Role::Member => "m",
            Role::Edge => "e",
        };
        format!("{}{kind}.{}", self.prefix, self.name)
    }

    /// A message has arrived.
    pub(crate) fn heard(&mut self, now: Instant, message: Message) {
        let now = self.begin(now);
        if let Err(why) = self.hear(&message, now) {
            let subject = message.subject;
            self.events.push(Event::Refused { subject, why });
        }
    }

    fn hear(&mut self, message: &Message, now: Instant) -> Result<(), Refusal> {
        let Message {
            subject,
            reply,
            payload,
        } = message;
        let rest = subject.strip_prefix(&self.prefix);
        let (kind, name) = rest
            .map(|rest| rest.split_once('.').unwrap_or((rest, "")))
            .ok_or(Refusal::Subject)?;
        match (kind, self.config.role) {
            ("m", _) => self.hear_member(name, FromMember::decode(payload)?, now),
            ("e", _) => self.hear_edge(name, FromMember::decode(payload)?, now),
            ("inbox", _) => self.hear_answer(name, Answer::decode(payload)?, now),
            ("hello", Role::Member) => self.hear_hello(FromMember::decode(payload)?, now),
            ("sync", Role::Member) => {
                let reply = reply.as_ref().ok_or(Refusal::Subject)?;
                self.hear_question(reply, Ask::decode(payload)?, now);
                Ok(())
            }
            _ => Err(Refusal::Subject),
        }
    }

    fn witness(&self, stamp: u64) -> Result<(), Refusal> {
        let clock = self.registry.clock();
        clock.witness(Stamp(stamp)).map_err(|_| Refusal::FarAhead)
    }

    fn hear_member(
        &mut self,
        name: &str,
        message: FromMember,
        now: Instant,
    ) -> Result<(), Refusal> {
        match message {
            FromMember::Beat(beat) => {
                self.witness(beat.clock)?;
                self.mind_tag(&beat);
                if name == &*self.name && !self.yields(&beat, now) {
                    return Ok(());
                }
                self.hear_beat(name, &beat, now)
            }
            FromMember::Delta(part) => {
                self.witness(part.clock)?;
                if name == &*self.name && self.rival.is_none() {
                    return Ok(());
                }
                let random = self.rng.f64();
                let known = self.members.speaks(name, part.run, now);
                let known = known.map_err(|_| Refusal::TooMany)?;
                let gap = known.peer.delta(part, now, random);
                known.report(&mut self.events);
                if gap? {
                    let name = known.peer.whose().name.clone();
                    self.events.push(Event::Gap { name });
                }
                Ok(())
            }
            FromMember::Bans(part) => {
                self.witness(part.clock)?;
                match self.config.bans && name != &*self.name {
                    true => self.hear_bans(&name.into(), part, now),
                    false => Ok(()),
                }
            }
            FromMember::Hello(_) => Err(Refusal::Subject),
        }
    }

    fn hear_beat(&mut self, name: &str, beat: &Beat, now: Instant) -> Result<(), Refusal> {
        let random = self.rng.f64();
        let heard = self.members.beat(name, beat, now, random, &mut self.events);
        let name = heard.map_err(|_| Refusal::TooMany)?;
        if self.stage == Stage::Joining {
            self.members.learn(&name, &beat.holds, now);
        }
        if !self.config.bans || *name == *self.name {
            return Ok(());
        }
        match self.bans.lacks(&name, beat.run, beat.bans, now) {
            Lacks::All if self.connected => {
                let subject = format!("{}sync.{name}", self.prefix);
                let reply = self.inbox(&format!("bans-{name}"));
                self.publish(subject, Some(reply), Ask::Bans { run: beat.run }.encode());
            }
            Lacks::None if beat.stage == Stage::Joined && self.bans.clear(&name, beat.run) => {
                self.events.push(Event::Bans);
            }
            Lacks::All | Lacks::None | Lacks::Nothing => {}
        }
        Ok(())
    }

    fn hear_bans(&mut self, name: &Arc<str>, part: Part, now: Instant) -> Result<(), Refusal> {
        if self.bans.take(name, part, now)? {
            self.events.push(Event::Bans);
        }
        Ok(())
    }

    fn hear_edge(&mut self, name: &str, message: FromMember, now: Instant) -> Result<(), Refusal> {
        let FromMember::Beat(beat) = message else {
            return Err(Refusal::Edge);
        };
        self.witness(beat.clock)?;
        self.mind_tag(&beat);
        let edge = self.members.edge(name, &beat, now, &mut self.events);
        edge.map_err(|_| Refusal::TooMany)
    }

    /// Somebody has come: it is answered with a beat.
    fn hear_hello(&mut self, message: FromMember, now: Instant) -> Result<(), Refusal> {
        let FromMember::Hello(hello) = message else {
            return Err(Refusal::Subject);
        };
        if self.come.len() < MAX_COME {
            self.come.push(hello.member.into());
        }
        let soon = now + ANSWER_HELLO.mul_f64(self.rng.f64());
        if let Some(beat) = &mut self.beat
            && self.stage != Stage::Joining
        {
            *beat = soon.min(*beat);
        }
        Ok(())
    }

    fn hear_question(&mut self, reply: &str, ask: Ask, now: Instant) {
        let what = match ask {
            // The other run of this name answers.
            _ if self.rival.is_some() || self.stage == Stage::Leaving => return,
            Ask::Bans { run } if run != self.config.run => What::Unknown,
            Ask::Bans { run } => What::Ready(Ready {
                bans: true,
                run,
                revision: self.bans.revision(),
                body: self.bans.body(now),
            }),
            Ask::List { member, run, known } => {
                match (*member == *self.name, run == self.config.run) {
                    (true, true) => What::Own { known },
                    _ => self.held(&member, run),
                }
            }
        };
        let reply = reply.to_owned();
        self.sender.ask(Wanted { reply, what });
    }

    /// What this node knows of the list of another.
    fn held(&self, member: &str, run: u64) -> What {
        let known = self.members.of(member, run);
        match known.and_then(|peer| Some((peer, peer.at()?))) {
            Some((peer, revision)) => What::Ready(Ready {
                bans: false,
                run,
                revision,
                body: pack_stated(&peer.replica().stated()),
            }),
            None => What::Unknown,
        }
    }

    fn hear_answer(&mut self, inbox: &str, answer: Answer, now: Instant) -> Result<(), Refusal> {
        let Some((_, id)) = inbox.split_once('.') else {
            return Err(Refusal::Subject);
        };
        if let Some(member) = id.strip_prefix("bans-") {
            return match answer {
                Answer::Bans(part) if self.config.bans => {
                    self.witness(part.clock)?;
                    self.hear_bans(&member.into(), part, now)
                }
                _ => Ok(()),
            };
        }
        // The answer to a question that was asked again is of no use.
        let Some(known) = id.parse().ok().and_then(|id| self.members.asked(id)) else {
            return Ok(());
        };
        let random = self.rng.f64();
        match answer {
            Answer::List(part) if part.run == known.peer.whose().run => {
                let clock = self.registry.clock();
                clock
                    .witness(Stamp(part.clock))
                    .map_err(|_| Refusal::FarAhead)?;
                let answered = known.peer.answer(part, now, random);
                known.report(&mut self.events);
                Ok(answered?)
            }
            Answer::NotKnown => {
                known.peer.not_known(now, random);
                Ok(())
            }
            Answer::List(_) | Answer::Bans(_) => Err(Refusal::Malformed),
        }
    }

    /// While joining, a tag that is taken is drawn again.
    fn mind_tag(&mut self, beat: &Beat) {
        let clock = self.registry.clock();
        if self.stage != Stage::Joining || beat.tag != clock.tag() {
            return;
        }
        let taken: Vec<u16> = self.members.tags().chain([beat.tag]).collect();
        let free = std::iter::repeat_with(|| self.rng.u16(..)).take(100);
        if let Some(tag) = free.into_iter().find(|tag| !taken.contains(tag)) {
            clock.set_tag(tag);
        }
    }

    /// Another run speaks under this member's name. Whether this one has to be silent: it is the
    /// one that came later, or the one with the greater number if neither is known to be.
    fn yields(&mut self, beat: &Beat, now: Instant) -> bool {
        let later = match (beat.stage, self.stage) {
            (Stage::Joined, Stage::Joining) => true,
            (Stage::Joining, Stage::Joined) | (Stage::Leaving, _) => false,
            _ => beat.run < self.config.run,
        };
        if later && self.rival.replace((beat.run, now)).is_none() {
            self.events.push(Event::Rival(Some(beat.run)));
        }
        later
    }

    /// An inbox of this node.
    fn inbox(&self, id: &str) -> String {
        format!("{}inbox.{}.{id}", self.prefix, self.name)
    }

    /// Does what is due, such as beats, and what the own feed has to say. Returns when it wants
    /// its next turn, which may be at once.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        let now = self.begin(now);
        self.members.turn(now, &mut self.events);
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
        self.next(now)
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

    fn speak(&mut self, now: Instant) {
        let subject = self.own_subject();
        let speaks = self.rival.is_none() && (self.stage == Stage::Joined || self.listened(now));
        if speaks && self.config.role == Role::Member {
            self.sender.state(&subject, &mut self.outbox);
            self.sender.answer(&subject, &mut self.outbox);
        }
        let asked = self.members.questions(now, &mut self.rng, &mut self.events);
        for (whom, whose, question) in asked {
            let ask = Ask::List {
                member: whose.name.to_string(),
                run: whose.run,
                known: question.known,
            };
            let subject = format!("{}sync.{whom}", self.prefix);
            let reply = self.inbox(&question.id.to_string());
            self.publish(subject, Some(reply), ask.encode());
        }
        if self.beat.is_some_and(|due| due <= now) {
            self.beat = Some(now + BEAT);
            self.lose_claims(now);
            if self.rival.is_none() {
                self.say_beat(now);
            }
        }
    }

    /// Whether it has listened long enough to know that no other has its name.
    fn listened(&self, now: Instant) -> bool {
        let since = self.join.and_then(|join| join.collected);
        since.is_none_or(|collected| collected - COLLECT + LISTEN <= now)
    }

    fn say_beat(&mut self, now: Instant) {
        let come = std::mem::take(&mut self.come);
        let clock = self.registry.clock();
        let member = self.config.role == Role::Member;
        let beat = Beat {
            run: self.config.run,
            tag: clock.tag(),
            clock: clock.advance().0,
            stage: self.stage,
            at: self.sender.at(),
            bans: self.bans.revision(),
            epoch: 0,
            stable: 0,
            view: 0,
            servers: if member { self.sender.servers() } else { 0 },
            clients: self.clients,
            holds: self.members.holds(&come, now),
        };
        self.publish(self.own_subject(), None, FromMember::Beat(beat).encode());
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
            self.events.push(Event::Joined { complete });
        }
    }

    fn next(&self, now: Instant) -> Instant {
        if self.members.has_work() || self.connected && self.sender.has_answers() {
            return self.steady.due(now);
        }
        let join = self
            .join
            .map(|join| join.collected.filter(|at| now < *at).unwrap_or(join.latest));
        let due = [self.members.due(), self.beat, join];
        let next = due.into_iter().flatten().min();
        let next = next.map_or(now + BEAT, |due| due.clamp(now, now + BEAT));
        self.steady.due(next)
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

    /// Says goodbye: the outbox has the last messages of this node. Nothing is published
    /// afterwards, so what closes now stays in the lists of others until it is stated elsewhere,
    /// or the hold is over.
    pub(crate) fn leave(&mut self, now: Instant) {
        let now = self.begin(now);
        if self.stage == Stage::Leaving {
            return;
        }
        self.join = None;
        self.stage = Stage::Leaving;
        if self.connected && self.rival.is_none() {
            if self.config.role == Role::Member {
                let subject = self.own_subject();
                self.sender.state(&subject, &mut self.outbox);
            }
            self.say_beat(now);
        }
        self.beat = None;
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
            rival: self.rival.is_some(),
        }
    }

    /// What has happened since the last call. The driver takes it after each call: it is bounded
    /// by what one call can cause.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The bans of this member, which others are told; replaces those before.
    pub(crate) fn set_bans(&mut self, now: Instant, bans: &[Banned]) {
        let now = self.begin(now);
        let revision = self.registry.clock().advance().0;
        if self.bans.set(bans, now, revision)
            && self.connected
            && self.stage == Stage::Joined
            && self.rival.is_none()
            && self.config.role == Role::Member
        {
            let subject = self.own_subject();
            let body = self.bans.body(now);
            self.sender
                .state_bans(&subject, revision, body, &mut self.outbox);
        }
    }

    /// The bans of all other members, with the time that is left of each. Empty if this node does
    /// not obey them.
    pub(crate) fn bans(&self, now: Instant) -> Vec<Banned> {
        self.bans.others(self.steady.read(now))
    }

    /// How many clients this node serves, which others are told.
    pub(crate) fn set_clients(&mut self, clients: u32) {
        self.clients = clients;
    }
}

impl From<MessageError> for Refusal {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Version(_) => Self::Version,
            MessageError::Oversize(_) => Self::Oversize,
            MessageError::Malformed(error) => error.into(),
            _ => Self::Malformed,
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::OverLimit => Self::Oversize,
            _ => Self::Malformed,
        }
    }
}

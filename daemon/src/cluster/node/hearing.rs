//! What a node does about what it hears.

use super::{
    super::{
        Event, Message, Refusal, Role,
        bans::Lacks,
        peer::Peer,
        sender::{Wanted, What, not_known},
    },
    ANSWER_HELLO, MAX_COME, MAX_INBOX, MAX_STRANGERS, Node,
};
use metaserve::protocol::{
    cluster::{Answer, Ask, Beat, FromMember, MessageError, Part, Stage, is_name},
    codec::DecodeError,
};
use std::{sync::Arc, time::Instant};

impl Node {
    pub(super) fn hear(&mut self, message: &Message, now: Instant) -> Result<(), Refusal> {
        let Message {
            subject,
            reply,
            payload,
        } = message;
        let rest = subject.strip_prefix(&self.prefix);
        let (kind, name) = rest
            .map(|rest| rest.split_once('.').unwrap_or((rest, "")))
            .ok_or(Refusal::Subject)?;
        if payload.is_empty() {
            return Err(Refusal::Empty);
        }
        match (kind, self.config.role) {
            ("m", _) => self.hear_member(name, FromMember::decode(payload)?, now),
            ("e", _) => self.hear_edge(name, FromMember::decode(payload)?, now),
            ("inbox", _) => self.hear_answer(name, Answer::decode(payload)?, now),
            ("hello", Role::Member) => self.hear_hello(FromMember::decode(payload)?, now),
            ("sync", Role::Member) => {
                let reply = reply.as_ref().ok_or(Refusal::Subject)?;
                self.hear_question(reply, Ask::decode(payload)?, now)
            }
            _ => Err(Refusal::Subject),
        }
    }

    fn hear_member(
        &mut self,
        name: &str,
        message: FromMember,
        now: Instant,
    ) -> Result<(), Refusal> {
        match message {
            FromMember::Beat(beat) => {
                self.witness(beat.clock, now)?;
                self.mind_tag(&beat);
                if name == &*self.name && !self.yields(&beat, now) {
                    return Ok(());
                }
                self.hear_beat(name, &beat, now)
            }
            FromMember::Delta(part) => {
                self.witness(part.clock, now)?;
                if name == &*self.name && self.rival.is_none() {
                    return Ok(());
                }
                let random = self.rng.f64();
                let known = self.members.speaks(name, part.run, now);
                let known = known.map_err(|_| Refusal::TooMany)?;
                let gap = known.peer.delta(part, now, random);
                known.report(&mut self.events);
                let (wants, name) = (known.peer.wants(now), known.peer.whose().name.clone());
                self.wake(wants);
                if gap? {
                    self.events.push(Event::Gap { name });
                }
                Ok(())
            }
            FromMember::Bans(part) => {
                self.witness(part.clock, now)?;
                match self.config.bans && name != &*self.name {
                    true => self.hear_bans(name, part, now),
                    false => Ok(()),
                }
            }
            FromMember::Hello(_) => Err(Refusal::Subject),
        }
    }

    fn hear_beat(&mut self, name: &str, beat: &Beat, now: Instant) -> Result<(), Refusal> {
        let random = self.rng.f64();
        let heard = self.members.beat(name, beat, now, random, &mut self.events);
        let (name, wants) = heard.map_err(|_| Refusal::TooMany)?;
        self.mind_epoch(beat.epoch, now);
        self.mind_list("m", &name, beat, now);
        self.wake(wants);
        if self.stage == Stage::Joining && !beat.holds.is_empty() {
            self.members.learn(&name, &beat.holds, now);
            self.wake(Some(now));
        }
        if !self.config.bans || *name == *self.name {
            return Ok(());
        }
        let id = self.rng.u64(..);
        match self.bans.lacks(&name, beat.run, beat.bans, id, now) {
            Lacks::All if self.connected => {
                let subject = format!("{}sync.{name}", self.prefix);
                let reply = self.inbox(&id.to_string());
                self.publish(subject, Some(reply), Ask::Bans { run: beat.run }.encode());
            }
            Lacks::None if beat.stage == Stage::Joined && self.bans.clear(&name, beat.run) => {
                self.events.push(Event::Bans);
            }
            Lacks::All | Lacks::None | Lacks::Nothing => {}
        }
        Ok(())
    }

    /// Those of a member that is not heard are not taken: nobody would know when to forget them.
    fn hear_bans(&mut self, name: &str, part: Part, now: Instant) -> Result<(), Refusal> {
        if let Some(name) = self.members.speaker(name, part.run).cloned()
            && self.bans.take(&name, part, now)?
        {
            self.events.push(Event::Bans);
        }
        Ok(())
    }

    fn hear_edge(&mut self, name: &str, message: FromMember, now: Instant) -> Result<(), Refusal> {
        let FromMember::Beat(beat) = message else {
            return Err(Refusal::Edge);
        };
        self.mind_tag(&beat);
        let edge = self.members.edge(name, &beat, now, &mut self.events);
        edge.map_err(|_| Refusal::TooMany)?;
        if self.stage != Stage::Joining {
            // Before that, the time here may be too early to know what it cannot speak of.
            self.mind_list("e", name, &beat, now);
        }
        Ok(())
    }

    /// Somebody has come: it is answered with a beat.
    fn hear_hello(&mut self, message: FromMember, now: Instant) -> Result<(), Refusal> {
        let FromMember::Hello(hello) = message else {
            return Err(Refusal::Subject);
        };
        let name = hello.member.into();
        if self.come.len() < MAX_COME && !self.come.contains(&name) {
            self.come.push(name);
        }
        let soon = now + ANSWER_HELLO.mul_f64(self.rng.f64());
        let soon = self.said.map_or(soon, |at| soon.max(at + ANSWER_HELLO));
        if let Some(beat) = &mut self.beat
            && self.stage != Stage::Joining
        {
            *beat = soon.min(*beat);
        }
        self.wake(Some(soon));
        Ok(())
    }

    fn hear_question(&mut self, reply: &str, ask: Ask, now: Instant) -> Result<(), Refusal> {
        let asker: Arc<str> = self.asker(reply).ok_or(Refusal::Subject)?.into();
        if self.rival.is_some() || self.stage == Stage::Leaving {
            // The other run of this name answers.
            return Ok(());
        }
        let what = match ask {
            Ask::Bans { run } => (run == self.config.run).then_some(What::Bans),
            Ask::List { member, run, known } if (&*member, run) == self.me() => {
                Some(What::Own { known })
            }
            Ask::List { member, run, .. } => {
                let known = self.members.of(&member, run).and_then(Peer::at);
                let member = member.into();
                known.map(|_| What::Held { member, run })
            }
        };
        let reply = reply.to_owned();
        let Some(what) = what else {
            if self.connected {
                self.outbox.push(not_known(reply));
            }
            return Ok(());
        };
        if self.sender.askers() >= MAX_STRANGERS && !self.members.follows(&asker) {
            return Err(Refusal::TooMany);
        }
        self.wake(Some(now));
        match self.sender.ask(Wanted { asker, reply, what }) {
            true => Ok(()),
            false => Err(Refusal::TooMany),
        }
    }

    /// The member or edge of this cluster whose inbox this is; none if it is not one.
    fn asker<'a>(&self, reply: &'a str) -> Option<&'a str> {
        let inbox = reply.strip_prefix(&self.prefix)?.strip_prefix("inbox.")?;
        let (name, id) = inbox.split_once('.')?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let right = is_name(name) && (1..=MAX_INBOX).contains(&id.len());
        (right && id.bytes().all(allowed)).then_some(name)
    }

    fn hear_answer(&mut self, inbox: &str, answer: Answer, now: Instant) -> Result<(), Refusal> {
        let Some((_, id)) = inbox.split_once('.') else {
            return Err(Refusal::Subject);
        };
        // The answer to a question that was asked again, or by nobody, is not needed.
        let Ok(id) = id.parse() else { return Ok(()) };
        if let Some(member) = self.bans.asked(id) {
            return match answer {
                Answer::Bans(part) if self.config.bans => {
                    self.witness(part.clock, now)?;
                    self.hear_bans(&member, part, now)
                }
                _ => Ok(()),
            };
        }
        if let Answer::List(part) = &answer
            && self.members.asked(id).is_some()
        {
            self.witness(part.clock, now)?;
        }
        let Some(known) = self.members.asked(id) else {
            return Ok(());
        };
        let random = self.rng.f64();
        let answered = match answer {
            Answer::List(part) if part.run == known.peer.whose().run => {
                known.peer.answer(part, now, random)
            }
            Answer::NotKnown => {
                known.peer.not_known(now, random);
                Ok(())
            }
            Answer::List(_) | Answer::Bans(_) => return Err(Refusal::Malformed),
        };
        known.report(&mut self.events);
        let wants = known.peer.wants(now);
        self.wake(wants);
        Ok(answered?)
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
        let gave_way = self.rival.is_some_and(|(run, _)| run == beat.run);
        let later = match (beat.stage, self.stage) {
            (Stage::Leaving, _) => false,
            _ if gave_way => true,
            (Stage::Joined, Stage::Joining) => true,
            (Stage::Joining, Stage::Joined) => false,
            _ => beat.run < self.config.run,
        };
        if later && self.rival.replace((beat.run, now)).is_none() {
            self.events.push(Event::Rival(Some(beat.run)));
        }
        later
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

//! What a node says.

use super::{
    super::{Banned, Message, Role, sender::What},
    BEAT, COLLECT, LISTEN, Node,
};
use bytes::Bytes;
use metaserve::protocol::cluster::{Ask, Beat, FromMember, Stage};
use std::time::Instant;

impl Node {
    pub(super) fn publish(&mut self, subject: String, reply: Option<String>, payload: Bytes) {
        self.outbox.push(Message {
            subject,
            reply,
            payload,
        });
    }

    /// The subject under which this node speaks to all.
    pub(super) fn own_subject(&self) -> String {
        let kind = match self.config.role {
            Role::Member => "m",
            Role::Edge => "e",
        };
        format!("{}{kind}.{}", self.prefix, self.name)
    }

    pub(super) fn speak(&mut self, now: Instant) {
        let subject = self.own_subject();
        if self.states(now) {
            self.sender.state(&subject, &mut self.outbox);
            let (members, bans, run) = (&self.members, &self.bans, self.config.run);
            let ready = |what: &What| match what {
                What::Own { .. } => None,
                What::Held { member, run } => members.held(member, *run),
                What::Bans => Some(bans.ready(run, now)),
            };
            self.sender.answer(&subject, ready, &mut self.outbox);
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
            self.said = Some(now);
            self.lose_claims(now);
            if self.rival.is_none() {
                self.say_beat(now);
            }
        }
    }

    /// Whether it states its own servers, and answers those who ask for them.
    pub(super) fn states(&self, now: Instant) -> bool {
        let heard = self.stage == Stage::Joined || self.listened(now);
        self.connected
            && heard
            && self.rival.is_none()
            && self.stage != Stage::Leaving
            && self.config.role == Role::Member
    }

    /// Whether it has listened long enough to know that no other has its name.
    pub(super) fn listened(&self, now: Instant) -> bool {
        self.listens_until().is_none_or(|until| until <= now)
    }

    pub(super) fn listens_until(&self) -> Option<Instant> {
        let collected = self.join?.collected?;
        Some(collected - COLLECT + LISTEN)
    }

    pub(super) fn say_beat(&mut self, now: Instant) {
        if self.config.role == Role::Edge || self.stage == Stage::Leaving || self.states(now) {
            self.say_all();
        }
        let come = std::mem::take(&mut self.come);
        let member = self.config.role == Role::Member;
        let beat = Beat {
            run: self.config.run,
            tag: self.registry.clock().tag(),
            stage: self.stage,
            at: self.sender.at(),
            bans: self.bans.revision(),
            servers: if member { self.sender.servers() } else { 0 },
            clients: self.clients,
            holds: self.members.holds(&come, now),
            ..self.beat_of_list()
        };
        self.publish(self.own_subject(), None, FromMember::Beat(beat).encode());
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
            self.say_beat(now);
        }
        self.beat = None;
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

    /// An inbox of this node.
    pub(super) fn inbox(&self, id: &str) -> String {
        format!("{}inbox.{}.{id}", self.prefix, self.name)
    }
}

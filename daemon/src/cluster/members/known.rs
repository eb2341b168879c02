//! What is known of a member or edge besides what it states.

use super::super::{Event, MemberStatus, Role, State, node::BEAT, peer::Peer};
use metaserve::{list::Stamp, protocol::cluster::Beat};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A run of a member, and what it says of itself.
pub(in super::super) struct Known {
    pub(in super::super) peer: Peer,
    pub(super) said: Said,
    /// The state that was last reported.
    pub(super) reported: Option<State>,
    /// When it fell silent.
    pub(super) fell: Option<Instant>,
    /// The member that holds it and can be asked, if the run itself is not asked.
    pub(super) holders: Vec<Arc<str>>,
    /// All that its clients were told of its own servers up to this time is applied here.
    upto: Stamp,
    /// The same as its last beats say it, when its list has come to this revision.
    coming: (u64, Stamp),
}

/// What a member or edge says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    pub(super) tag: Option<u16>,
    pub(super) clients: u32,
    pub(super) beat: Option<Instant>,
    pub(super) lag: Duration,
}

#[derive(Debug)]
pub(super) struct Edge {
    pub(super) run: u64,
    pub(super) heard: Instant,
    pub(super) said: Said,
    pub(super) state: State,
}

impl Said {
    /// Takes in a beat. Returns how late it was, if it was not the first.
    pub(super) fn beat(&mut self, beat: &Beat, now: Instant) -> Option<Duration> {
        self.tag = Some(beat.tag);
        self.clients = beat.clients;
        let before = self.beat.replace(now)?;
        self.lag = now.saturating_duration_since(before).saturating_sub(BEAT);
        Some(self.lag)
    }
}

impl Known {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            said: Said::default(),
            reported: None,
            fell: None,
            holders: Vec::new(),
            upto: Stamp(0),
            coming: (0, Stamp(0)),
        }
    }

    /// It says that its clients have been told nothing of its own servers up to this time that was
    /// not stated at this revision.
    pub(super) fn says_all(&mut self, at: u64, upto: Stamp) {
        self.coming = self.coming.max((at, upto));
    }

    /// All that its clients were told of its own servers up to this time is applied here.
    pub(super) fn upto(&self) -> Stamp {
        self.upto
    }

    /// Tells the state if it is another one than was told last, and looks how far its list has
    /// come.
    pub(in super::super) fn report(&mut self, events: &mut Vec<Event>) {
        let (at, upto) = self.coming;
        let applied = self.peer.stated().map(|(applied, _)| applied);
        if applied.is_some_and(|applied| at <= applied) {
            self.upto = self.upto.max(upto);
        }
        let state = self.peer.state();
        if self.reported.replace(state) != Some(state) {
            let whose = self.peer.whose();
            events.push(Event::Member {
                name: whose.name.clone(),
                run: whose.run,
                role: Role::Member,
                state,
            });
        }
    }

    pub(super) fn status(&self) -> MemberStatus {
        let whose = self.peer.whose();
        MemberStatus {
            name: whose.name.clone(),
            run: whose.run,
            role: Role::Member,
            state: self.peer.state(),
            servers: self.peer.replica().len(),
            clients: self.said.clients,
            lag: self.said.lag,
        }
    }
}

impl Edge {
    pub(super) fn status(&self, name: &Arc<str>) -> MemberStatus {
        MemberStatus {
            name: name.clone(),
            run: self.run,
            role: Role::Edge,
            state: self.state,
            servers: 0,
            clients: self.said.clients,
            lag: self.said.lag,
        }
    }

    pub(super) fn report(&mut self, name: &Arc<str>, state: State, events: &mut Vec<Event>) {
        if self.state != state {
            self.state = state;
            events.push(Event::Member {
                name: name.clone(),
                run: self.run,
                role: Role::Edge,
                state,
            });
        }
    }
}

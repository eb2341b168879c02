//! Which members are silent, and whether this node itself is cut off.

use super::{
    super::{Event, Role, State},
    Id, Members, SILENCE,
};
use crate::settings::Terms;
use std::{sync::Arc, time::Instant};

impl Members {
    /// Judges who is silent and for how long, and lets go of those that were for too long. Returns
    /// the names of members of which no run is left.
    pub(in super::super) fn turn(
        &mut self,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Vec<Arc<str>> {
        let mut lost = Vec::new();
        self.judge(now);
        let gone = |id: Id| Event::Member {
            name: id.0,
            run: id.1,
            role: Role::Member,
            state: State::Gone,
        };
        events.extend(std::mem::take(&mut self.replaced).into_iter().map(gone));
        let over: Vec<Id> = self
            .runs
            .iter()
            .filter(|(_, known)| known.peer.stays_until().is_some_and(|until| until <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            self.runs.remove(&id);
            if self.current.get(&id.0) == Some(&id.1) {
                self.current.remove(&id.0);
                lost.push(id.0.clone());
            }
            events.push(gone(id));
        }
        for known in self.runs.values_mut() {
            known.report(events);
        }
        let hold = self.hold;
        self.edges.retain(|name, edge| {
            if now >= edge.heard + SILENCE.max(hold) {
                edge.report(name, State::Gone, events);
                return false;
            }
            if now >= edge.heard + SILENCE {
                edge.report(name, State::Held, events);
            }
            true
        });
        lost
    }

    /// How long silent members stay from now on, and how long the lists of members may be.
    pub(in super::super) fn set_terms(&mut self, terms: Terms) {
        (self.hold, self.keep) = (terms.hold, terms.keep);
        self.list_bytes = terms.list_bytes;
        for known in self.runs.values_mut() {
            known.peer.set_list_bytes(terms.list_bytes);
            if known.peer.state() == State::Kept {
                known.peer.keep(known.peer.heard() + terms.keep);
            }
        }
    }

    /// NATS can be reached, or not.
    pub(in super::super) fn connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    /// Who has fallen silent, and whether it is us who are cut off: then those who fall silent are
    /// kept for longer than they would be held.
    fn judge(&mut self, now: Instant) {
        let mut live = 0;
        let mut fell = 0;
        let mut kept = 0;
        for known in self.runs.values_mut().filter(|it| !it.peer.has_ended()) {
            let heard = known.peer.heard();
            if known.peer.stays_until().is_none() && heard + SILENCE <= now {
                known.fell = Some(now);
                known.peer.hold(heard + self.hold);
            }
            match known.peer.state() {
                State::Heard | State::Syncing | State::Gone => live += 1,
                State::Kept => kept += 1,
                State::Held => {
                    let recent = |at: Instant| now < at + SILENCE;
                    fell += usize::from(known.fell.is_some_and(recent));
                }
            }
        }
        let silent = fell + kept;
        self.cut_off = match self.cut_off {
            // Half of them are enough to go by.
            true => !self.connected || 2 * live < live + silent,
            false => !self.connected || 2 * silent > live + silent,
        };
        for known in self.runs.values_mut().filter(|it| !it.peer.has_ended()) {
            let recent = known.fell.is_some_and(|at| now < at + SILENCE);
            match known.peer.state() {
                State::Held if self.cut_off && recent => {
                    known.peer.keep(known.peer.heard() + self.keep);
                }
                State::Kept if !self.cut_off => known.peer.hold(now + self.hold),
                _ => {}
            }
        }
    }
}

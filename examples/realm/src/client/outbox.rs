//! Commands on their way: numbered, and kept until they are acknowledged. Pure.

use crate::{
    ids::ObjectId,
    messages::{Scope, Up},
};
use std::collections::VecDeque;

/// A command without its number.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Walks so far, in metres.
    Move {
        /** East. */
        dx: f64,
        /** South. */
        dy: f64,
    },
    /// Says something.
    Say {
        /** To whom. */
        scope: Scope,
        /** The words. */
        text: String,
    },
    /// Does what one does with an object.
    Activate(ObjectId),
    /// Takes an item from the ground.
    Take(ObjectId),
    /// Lays down an item.
    Drop(ObjectId),
    /// Uses an item.
    Use {
        /** The item. */
        id: ObjectId,
        /** On what. */
        on: Option<ObjectId>,
    },
    /// Changes the words below the character's name.
    Status(String),
}

/// A command that is in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub seq: u64,
    /// Whether the zone does it; otherwise it is done when it is acknowledged.
    pub by_zone: bool,
}

/// Commands that were not acknowledged yet, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The last number that was given.
    last: u64,
    waiting: VecDeque<(u64, Wish)>,
    /// How many of them were sent over this connection.
    sent: usize,
}

impl Outbox {
    /// How many commands are in it at most: what a gateway takes at once after a break.
    pub const MOST: usize = 32;

    /// Gives a command its number. `None` if the outbox is full.
    pub fn push(&mut self, wish: Wish) -> Option<Sent> {
        if self.waiting.len() >= Self::MOST {
            return None;
        }
        self.last += 1;
        let by_zone = !matches!(
            wish,
            Wish::Say {
                scope: Scope::All | Scope::To(_),
                ..
            }
        );
        self.waiting.push_back((self.last, wish));
        Some(Sent {
            seq: self.last,
            by_zone,
        })
    }

    /// The next frame to send over this connection.
    pub fn take_next(&mut self) -> Option<Up> {
        let (seq, wish) = self.waiting.get(self.sent)?;
        self.sent += 1;
        Some(wish.clone().numbered(*seq))
    }

    /// Whether [`take_next`](Self::take_next) has one.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.sent < self.waiting.len()
    }

    /// Forgets everything up to this number: it was acknowledged.
    pub fn accepted(&mut self, seq: u64) {
        while self.waiting.front().is_some_and(|(it, _)| *it <= seq) {
            self.waiting.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// Forgets this command: it was refused.
    pub fn refused(&mut self, seq: u64) {
        if let Some(at) = self.waiting.iter().position(|(it, _)| *it == seq) {
            self.waiting.remove(at);
            if at < self.sent {
                self.sent -= 1;
            }
        }
    }

    /// A new connection goes on with the session, of which the last command that was accepted is
    /// `seq`: what comes after it is sent again.
    pub fn resume(&mut self, seq: u64) {
        self.accepted(seq);
        self.last = self.last.max(seq);
        self.sent = 0;
    }

    /// The session is another one: nobody knows whether the commands of the old one were accepted,
    /// so they are not sent again. Returns their numbers.
    pub fn renew(&mut self, seq: u64) -> Vec<u64> {
        self.last = self.last.max(seq);
        self.sent = 0;
        self.waiting.drain(..).map(|(seq, _)| seq).collect()
    }
}

impl Wish {
    fn numbered(self, seq: u64) -> Up {
        match self {
            Self::Move { dx, dy } => Up::Move { dx, dy, seq },
            Self::Say { scope, text } => Up::Say { scope, text, seq },
            Self::Activate(id) => Up::Activate { id, seq },
            Self::Take(id) => Up::Take { id, seq },
            Self::Drop(id) => Up::Drop { id, seq },
            Self::Use { id, on } => Up::Use { id, on, seq },
            Self::Status(text) => Up::Status { text, seq },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(count: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 0..count {
            outbox.push(Wish::Status(String::new())).unwrap();
        }
        outbox
    }

    fn sent(outbox: &mut Outbox) -> Vec<u64> {
        let frames = std::iter::from_fn(|| outbox.take_next());
        let seq = |frame| match frame {
            Up::Status { seq, .. } => seq,
            other => panic!("{other:?}"),
        };
        frames.map(seq).collect()
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_break() {
        let mut outbox = with(4);
        assert_eq!(sent(&mut outbox), [1, 2, 3, 4]);
        outbox.accepted(1);
        assert!(sent(&mut outbox).is_empty());
        // The gateway had accepted 2, and was killed before it could say so.
        outbox.resume(2);
        assert_eq!(sent(&mut outbox), [3, 4]);
    }

    #[test]
    fn a_refused_command_is_not_sent_again() {
        let mut outbox = with(3);
        assert_eq!(sent(&mut outbox), [1, 2, 3]);
        outbox.refused(2);
        outbox.resume(0);
        assert_eq!(sent(&mut outbox), [1, 3]);
    }

    #[test]
    fn a_new_session_repeats_nothing_and_uses_no_number_again() {
        let mut outbox = with(2);
        assert_eq!(outbox.renew(0), [1, 2]);
        assert_eq!(outbox.push(Wish::Status(String::new())).unwrap().seq, 3);
        assert_eq!(sent(&mut outbox), [3]);
    }

    #[test]
    fn a_full_outbox_takes_nothing_until_there_is_an_acknowledgement() {
        let mut outbox = with(Outbox::MOST);
        assert_eq!(outbox.push(Wish::Status(String::new())), None);
        outbox.accepted(1);
        assert!(outbox.push(Wish::Status(String::new())).is_some());
    }
}

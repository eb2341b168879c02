//! A question to a member, and what has arrived of its answer.

use super::{LONGEST_PAUSE, SPREAD, Step, Why};
use metaserve::{
    Backoff, Retry,
    protocol::cluster::{Assembled, Assembly, Piece},
};
use std::time::{Duration, Instant};

/// How long an answer may take, or its next piece.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest time between two questions for servers that were left out.
const LONGEST_ROOM_PAUSE: Duration = Duration::from_secs(60);

/// A question to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Question {
    pub(in crate::cluster) id: u64,
    pub(in crate::cluster) known: Option<u64>,
    pub(in crate::cluster) why: Why,
}

/// What the node is going to ask, or is waiting for.
#[derive(Debug)]
pub(super) struct Sync {
    why: Why,
    /// Only servers that were left out are missing: asks for everything, and delays nothing else.
    for_room: bool,
    stage: Asking,
    answer: Assembly<Step>,
    /// The longest answer, in bytes.
    most: usize,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug)]
enum Asking {
    /// It asks at this time.
    At(Instant),
    /// It has asked under this number, and asks again if there is no answer by then.
    Asked { id: u64, until: Instant },
}

impl Sync {
    /// Asks at this time, for an answer of at most so many bytes.
    pub(super) fn new(why: Why, most: usize, at: Instant) -> Self {
        Self {
            why,
            for_room: why == Why::Room,
            stage: Asking::At(at),
            answer: Assembly::new(most),
            most,
            backoff: Backoff::new(SPREAD, LONGEST_PAUSE),
        }
    }

    /// When it wants to be asked for a [`question`](Self::question) again.
    pub(super) fn due(&self) -> Instant {
        match self.stage {
            Asking::At(at) => at,
            Asking::Asked { until, .. } => until,
        }
    }

    /// Whether it asks for what was left out for want of room, and for nothing else.
    pub(super) fn is_for_room(&self) -> bool {
        self.for_room
    }

    /// Whether changes that arrive now have to wait for the answer.
    pub(super) fn holds_up_changes(&self) -> bool {
        !self.for_room || self.answer.held() > 0
    }

    /// What to ask now, if anything, under the number `id`.
    pub(super) fn question(
        &mut self,
        known: Option<u64>,
        now: Instant,
        id: u64,
    ) -> Option<Question> {
        match self.stage {
            Asking::At(at) if at <= now => {
                let until = now + ANSWER_TIMEOUT;
                self.stage = Asking::Asked { id, until };
                let why = std::mem::replace(&mut self.why, Why::Again);
                let known = known.filter(|_| !self.for_room);
                Some(Question { id, known, why })
            }
            _ => None,
        }
    }

    /// Whether there was no answer in time.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        matches!(self.stage, Asking::Asked { until, .. } if until <= now)
    }

    /// Whether it waits for the answer to this question.
    pub(super) fn asked(&self, question: u64) -> bool {
        matches!(self.stage, Asking::Asked { id, .. } if id == question)
    }

    /// A piece of the answer has arrived, which may take as long again for the next one.
    pub(super) fn take(&mut self, step: Step, piece: Piece, now: Instant) -> Assembled {
        let taken = self.answer.take(&step, piece);
        if let (Assembled::Waits, Asking::Asked { until, .. }) = (&taken, &mut self.stage) {
            *until = now + ANSWER_TIMEOUT;
        }
        taken
    }

    /// Asks once more, after a pause.
    pub(super) fn again(&mut self, now: Instant, random: f64) {
        self.answer = Assembly::new(self.most);
        self.stage = Asking::At(now + self.backoff.delay(Retry::Soon, random));
    }
}

/// When to ask again for servers that were left out: there may be room for a few of them only, and
/// each time the member states all that it has.
#[derive(Debug)]
pub(super) struct Pause {
    until: Option<Instant>,
    backoff: Backoff,
}

impl Pause {
    pub(super) fn new() -> Self {
        Self {
            until: None,
            backoff: Backoff::new(LONGEST_PAUSE, LONGEST_ROOM_PAUSE),
        }
    }

    /// Whether it is over. Then the next one begins, longer than this one.
    pub(super) fn is_over(&mut self, now: Instant, random: f64) -> bool {
        let over = self.until.is_none_or(|until| until <= now);
        if over {
            self.until = Some(now + self.backoff.delay(Retry::Soon, random));
        }
        over
    }

    /// Nothing is left out any more: the next one is as short as the first.
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
    }
}

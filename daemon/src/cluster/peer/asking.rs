//! A question to a member, and what has arrived of its answer.

use super::{LONGEST_PAUSE, SPREAD, Step, Why};
use metaserve::{
    Backoff, Retry,
    protocol::cluster::{Assembled, Assembly, Piece},
};
use std::time::{Duration, Instant};

/// How long an answer may take, or its next piece.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

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

    /// What to ask now, if anything, under the number `id`.
    pub(super) fn question(
        &mut self,
        known: Option<u64>,
        now: Instant,
        id: u64,
        random: f64,
    ) -> Option<Question> {
        match self.stage {
            Asking::At(at) if at <= now => {
                let until = now + ANSWER_TIMEOUT;
                self.stage = Asking::Asked { id, until };
                let why = std::mem::replace(&mut self.why, Why::Again);
                Some(Question { id, known, why })
            }
            Asking::Asked { until, .. } if until <= now => {
                self.again(now, random);
                None
            }
            _ => None,
        }
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

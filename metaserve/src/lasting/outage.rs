//! A time without a connection that the daemon accepts: pure.

use super::{Wait, status::LASTS};
use crate::Retry;
use std::time::{Duration, Instant};

/// How many attempts in a row may meet a problem that cannot heal by itself.
const PATIENCE: u32 = 3;

#[derive(Debug)]
pub(super) struct Outage {
    since: Instant,
    attempts: u32,
    /// How many attempts in a row, up to the last, have met a problem that cannot heal by itself.
    hopeless: u32,
    /// How many connections have ended since the last that the daemon accepted, that one included.
    ended: usize,
    told: bool,
}

impl Outage {
    pub(super) const fn new(since: Instant) -> Self {
        Self {
            since,
            attempts: 0,
            hopeless: 0,
            ended: 0,
            told: false,
        }
    }

    /// Records that an attempt has failed, with how to retry it. Returns how to go on: the third
    /// problem in a row that cannot heal by itself is not retried.
    pub(super) fn failed(&mut self, retry: Retry) -> Retry {
        self.attempts = self.attempts.saturating_add(1);
        self.told = true;
        self.hopeless = match retry {
            Retry::Briefly => self.hopeless + 1,
            _ => 0,
        };
        match self.hopeless >= PATIENCE {
            true => Retry::Never,
            false => retry,
        }
    }

    /// Records that a connection has ended, with how to retry it, and how many addresses there are.
    /// Returns how to go on: a daemon that refuses us for a while says nothing about another one.
    pub(super) fn ended(&mut self, retry: Retry, choices: usize) -> Retry {
        self.ended = self.ended.saturating_add(1);
        match retry {
            Retry::Slowly if self.ended < choices => Retry::Soon,
            retry => retry,
        }
    }

    /// When a person should know that nothing has answered: only while nothing else is known.
    pub(super) fn unanswered_at(&self) -> Option<Instant> {
        (!self.told).then_some(self.since + LASTS)
    }

    pub(super) fn told(&mut self) {
        self.told = true;
    }

    pub(super) fn wait(&self, retry_in: Duration, now: Instant) -> Wait {
        Wait {
            retry_in,
            attempts: self.attempts,
            down_for: now.saturating_duration_since(self.since),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;
    use Retry::{Briefly, Never, Slowly, Soon};

    #[test]
    fn a_problem_that_cannot_heal_is_given_up_at_the_third_attempt_in_a_row() {
        let mut outage = Outage::new(Instant::now());
        let seen = [Briefly, Briefly, Soon, Briefly, Slowly, Briefly, Briefly];
        for retry in seen {
            assert_eq!(outage.failed(retry), retry);
        }
        assert_eq!(outage.failed(Briefly), Never);
        assert_eq!(outage.failed(Briefly), Never);
    }

    #[test]
    fn after_a_refusal_each_other_address_is_tried_soon() {
        let mut outage = Outage::new(Instant::now());
        assert_eq!(outage.ended(Slowly, 1), Slowly, "there is no other");
        let mut outage = Outage::new(Instant::now());
        let seen = [(); 4].map(|()| outage.ended(Slowly, 3));
        assert_eq!(seen, [Soon, Soon, Slowly, Slowly]);
        assert_eq!(Outage::new(Instant::now()).ended(Never, 3), Never);
    }

    #[test]
    fn silence_is_told_once_and_only_while_nothing_else_is_known() {
        let now = Instant::now();
        let mut outage = Outage::new(now);
        assert_eq!(outage.unanswered_at(), Some(now + LASTS));
        outage.told();
        assert_eq!(outage.unanswered_at(), None);

        let mut outage = Outage::new(now);
        outage.failed(Soon);
        assert_eq!(outage.unanswered_at(), None);
        let wait = outage.wait(LASTS, now + LASTS * 2);
        assert_eq!((wait.attempts, wait.down_for), (1, LASTS * 2));
    }
}

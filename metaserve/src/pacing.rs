//! Of several heartbeats the newest counts: pure, used by the sender and by the daemon.

use bytes::Bytes;
use std::time::{Duration, Instant};

/// Holds at most the newest heartbeat until it may be passed on, and drops what changes nothing.
#[derive(Debug)]
pub struct Pacing {
    interval: Duration,
    passed: Option<Bytes>,
    newest: Option<Bytes>,
    /// When a heartbeat was last passed on.
    passed_at: Option<Instant>,
}

/// What an offered heartbeat has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// One that waited is forgotten for it.
    pub superseded: bool,
    /// It equals what was passed on last: nothing waits.
    pub unchanged: bool,
}

impl Pacing {
    /// Passes on at most one heartbeat per `interval`.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            passed: None,
            newest: None,
            passed_at: None,
        }
    }

    /// Changes the interval, also for the heartbeat that waits.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Takes a heartbeat in. One that waits is forgotten for it, even when the new one equals
    /// what was passed on last, so that there is nothing to pass on at all.
    pub fn offer(&mut self, heartbeat: Bytes) -> Offered {
        let superseded = self.newest.is_some();
        self.newest = (self.passed.as_ref() != Some(&heartbeat)).then_some(heartbeat);
        Offered {
            superseded,
            unchanged: self.newest.is_none(),
        }
    }

    /// When [`take`](Self::take) will give something; none when nothing waits. An instant in the
    /// past means at once.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.newest
            .as_ref()
            .map(|_| self.passed_at.map_or(now, |at| at + self.interval))
    }

    /// The heartbeat to pass on now, if one waits and the interval has passed.
    pub fn take(&mut self, now: Instant) -> Option<Bytes> {
        if self.due(now)? > now {
            return None;
        }
        self.passed_at = Some(now);
        self.passed = self.newest.take();
        self.passed.clone()
    }

    /// Begins anew with a receiver that knows nothing: the last heartbeat is passed on again, at
    /// once, unless a newer one waits.
    pub fn restate(&mut self) {
        self.newest = self.newest.take().or(self.passed.take());
        self.passed = None;
        self.passed_at = None;
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_goes_at_once_and_then_the_newest_each_interval() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("1".into());
        assert_eq!(pacing.take(start), Some("1".into()));
        pacing.offer("2".into());
        pacing.offer("3".into());
        assert_eq!(pacing.take(start + SECOND / 2), None);
        assert_eq!(pacing.due(start), Some(start + SECOND));
        assert_eq!(pacing.take(start + SECOND), Some("3".into()));
        assert_eq!(pacing.due(start), None);
    }

    #[test]
    fn a_new_interval_holds_for_what_waits_already() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("1".into());
        pacing.take(start);
        pacing.offer("2".into());
        pacing.set_interval(SECOND / 4);
        assert_eq!(pacing.due(start), Some(start + SECOND / 4));
    }

    #[test]
    fn what_repeats_itself_is_not_passed_on() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("same".into());
        pacing.take(start);
        pacing.offer("same".into());
        assert_eq!(pacing.due(start), None);
        pacing.offer("other".into());
        pacing.offer("same".into());
        assert_eq!(
            pacing.due(start),
            None,
            "changed back before anybody was told"
        );
    }

    #[test]
    fn a_new_receiver_is_told_the_last_one_again() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("last".into());
        pacing.take(start);
        pacing.restate();
        assert_eq!(pacing.take(start), Some("last".into()));
    }
}

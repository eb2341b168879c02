//! Of several heartbeats the newest counts: pure, used by the sender and by the daemon.

use bytes::Bytes;
use std::time::{Duration, Instant};

/// Holds at most the newest heartbeat until it may be passed on, and drops what changes nothing.
///
/// One is passed on in each interval on average, and no sooner than three quarters of it after the
/// one before. To the letter, a server that has something new once in the interval would be shown
/// later and later: a heartbeat that the network brings a moment early would wait for the rest,
/// and so make the next one early too.
///
/// ```
/// use metaserve::Pacing;
/// use std::time::{Duration, Instant};
///
/// let second = Duration::from_secs(1);
/// let mut pacing = Pacing::new(second);
/// let start = Instant::now();
/// pacing.offer("2/8 players".into());
/// assert_eq!(pacing.take(start).unwrap(), "2/8 players");
///
/// // Within the same second, only the newest waits.
/// pacing.offer("3/8 players".into());
/// pacing.offer("4/8 players".into());
/// assert_eq!(pacing.take(start), None);
/// assert_eq!(pacing.take(start + second).unwrap(), "4/8 players");
/// ```
#[derive(Debug)]
pub struct Pacing {
    interval: Duration,
    passed: Option<Bytes>,
    newest: Option<Bytes>,
    /// The interval begins here: when the last one was passed on, or, if that was early, when it
    /// would not have been.
    begun: Option<Instant>,
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
    /// Passes on one heartbeat per `interval` at most, on average.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            passed: None,
            newest: None,
            begun: None,
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
        let least = self.interval - self.interval / 4;
        let due = self.begun.map_or(now, |begun| begun + least);
        self.newest.as_ref().map(|_| due)
    }

    /// The heartbeat to pass on now, if one waits and it is due.
    pub fn take(&mut self, now: Instant) -> Option<Bytes> {
        if self.due(now)? > now {
            return None;
        }
        let next = self.begun.map_or(now, |begun| begun + self.interval);
        self.begun = Some(next.max(now));
        self.passed = self.newest.take();
        self.passed.clone()
    }

    /// Begins anew with a receiver that knows nothing: the last heartbeat is passed on again, at
    /// once, unless a newer one waits.
    pub fn restate(&mut self) {
        self.newest = self.newest.take().or(self.passed.take());
        self.passed = None;
        self.begun = None;
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
        assert_eq!(pacing.due(start), Some(start + SECOND * 3 / 4));
        assert_eq!(pacing.take(start + SECOND), Some("3".into()));
        assert_eq!(pacing.due(start), None);
    }

    #[test]
    fn who_keeps_to_the_interval_never_waits_however_uneven_the_way() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        let mut random = fastrand::Rng::with_seed(1);
        for sent in 0..10_000_u32 {
            let arrived = start + sent * SECOND + SECOND.mul_f64(0.2 * random.f64());
            pacing.offer(sent.to_string().into());
            assert!(
                pacing.take(arrived).is_some(),
                "heartbeat {sent} has to wait"
            );
        }
    }

    #[test]
    fn who_says_more_is_passed_on_once_per_interval() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        let passed = (0..100_000_u32).filter(|tenth| {
            pacing.offer(tenth.to_string().into());
            pacing.take(start + *tenth * SECOND / 10).is_some()
        });
        // The last of them is early.
        assert_eq!(passed.count(), 10_001);
    }

    #[test]
    fn a_new_interval_holds_for_what_waits_already() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("1".into());
        pacing.take(start);
        pacing.offer("2".into());
        pacing.set_interval(SECOND / 4);
        assert_eq!(pacing.due(start), Some(start + SECOND / 4 * 3 / 4));
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

//! Passes on the newest of several heartbeats, at a limited rate. Pure; used by the sender and the
//! daemon.

use bytes::Bytes;
use std::time::{Duration, Instant};

/// Holds the newest heartbeat until it may be passed on, and drops heartbeats that change nothing.
///
/// On average one is passed on per interval, and no sooner than three quarters of the interval
/// after the one before. With a strict interval, a server that has something new once per interval
/// would be shown later and later: a heartbeat that arrives a moment early would wait for the rest
/// of the interval, which would make the next one early as well.
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
    /// When the interval began: when the last heartbeat was passed on, or, if that was early, when
    /// it would have been on time.
    begun: Option<Instant>,
}

/// The effect of an offered heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// It replaced one that was waiting.
    pub superseded: bool,
    /// It equals the one that was last passed on: nothing waits.
    pub unchanged: bool,
}

impl Pacing {
    /// Passes on at most one heartbeat per `interval`, on average.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            passed: None,
            newest: None,
            begun: None,
        }
    }

    /// Changes the interval, also for a heartbeat that waits.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Accepts a heartbeat. It replaces one that waits, even when it equals what was passed on
    /// last; then there is nothing to pass on.
    pub fn offer(&mut self, heartbeat: Bytes) -> Offered {
        let superseded = self.newest.is_some();
        self.newest = (self.passed.as_ref() != Some(&heartbeat)).then_some(heartbeat);
        Offered {
            superseded,
            unchanged: self.newest.is_none(),
        }
    }

    /// Whether a heartbeat waits that is longer than this.
    #[must_use]
    pub fn holds_longer_than(&self, max_bytes: usize) -> bool {
        let waiting = self.newest.as_ref();
        waiting.is_some_and(|waiting| waiting.len() > max_bytes)
    }

    /// Takes back the heartbeat that waits, if it is longer than `max_bytes`, and says how long it
    /// is.
    pub fn withdraw_longer_than(&mut self, max_bytes: usize) -> Option<usize> {
        let longer = |waiting: &mut Bytes| waiting.len() > max_bytes;
        self.newest.take_if(longer).map(|waiting| waiting.len())
    }

    /// When [`take`](Self::take) will return a heartbeat; `None` when none waits. An instant in
    /// the past means at once.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let least = self.interval - self.interval / 4;
        let due = self.begun.map_or(now, |begun| begun + least);
        self.newest.as_ref().map(|_| due)
    }

    /// Returns the heartbeat to pass on now, if one waits and it is due.
    pub fn take(&mut self, now: Instant) -> Option<Bytes> {
        if self.due(now)? > now {
            return None;
        }
        let next = self.begun.map_or(now, |begun| begun + self.interval);
        self.begun = Some(next.max(now));
        self.passed = self.newest.take();
        self.passed.clone()
    }

    /// Starts again with a receiver that knows nothing: the last heartbeat is passed on again at
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
    reason = "the tests can start at any instant"
)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_is_passed_on_at_once_and_then_the_newest_per_interval() {
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
    fn a_sender_that_keeps_the_interval_never_waits_despite_jitter() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        let mut random = fastrand::Rng::with_seed(1);
        for sent in 0..10_000_u32 {
            let arrived = start + sent * SECOND + SECOND.mul_f64(0.2 * random.f64());
            pacing.offer(sent.to_string().into());
            assert!(
                pacing.take(arrived).is_some(),
                "heartbeat {sent} must not wait"
            );
        }
    }

    #[test]
    fn a_faster_sender_is_passed_on_once_per_interval() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        let passed = (0..100_000_u32).filter(|tenth| {
            pacing.offer(tenth.to_string().into());
            pacing.take(start + *tenth * SECOND / 10).is_some()
        });
        // The last one is early.
        assert_eq!(passed.count(), 10_001);
    }

    #[test]
    fn a_new_interval_applies_to_a_waiting_heartbeat() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("1".into());
        pacing.take(start);
        pacing.offer("2".into());
        pacing.set_interval(SECOND / 4);
        assert_eq!(pacing.due(start), Some(start + SECOND / 4 * 3 / 4));
    }

    #[test]
    fn an_unchanged_heartbeat_is_not_passed_on() {
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
            "it changed back before it was passed on"
        );
    }

    #[test]
    fn a_new_receiver_gets_the_last_heartbeat_again() {
        let start = Instant::now();
        let mut pacing = Pacing::new(SECOND);
        pacing.offer("last".into());
        pacing.take(start);
        pacing.restate();
        assert_eq!(pacing.take(start), Some("last".into()));
    }
}

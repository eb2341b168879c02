//! How much one peer may cause, and how fast. Pure: a leaky bucket, for bytes or anything else
//! that can be counted.

use std::time::{Duration, Instant};

/// The work that a peer has caused recently, and how much of it exceeds the limit.
#[derive(Debug)]
pub(crate) struct Pace {
    burst_bytes: f64,
    bytes_per_second: f64,
    /// How full the bucket was at `since`.
    bytes: f64,
    since: Instant,
}

impl Pace {
    /// Allows `burst_bytes` at once, and `bytes_per_second` on average.
    pub(crate) fn new(burst_bytes: usize, bytes_per_second: usize, now: Instant) -> Self {
        Self {
            burst_bytes: burst_bytes as f64,
            // At least 1: at 0, a peer that was too fast once could never send again.
            bytes_per_second: bytes_per_second.max(1) as f64,
            bytes: 0.0,
            since: now,
        }
    }

    /// Adds `bytes`, and returns how long to wait before reading more.
    pub(crate) fn charge(&mut self, bytes: usize, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.bytes = (self.bytes - elapsed * self.bytes_per_second).max(0.0) + bytes as f64;
        let excess = (self.bytes - self.burst_bytes).max(0.0);
        Duration::try_from_secs_f64(excess / self.bytes_per_second).unwrap_or(Duration::MAX)
    }

    /// Adds `bytes` if that stays within the limit. Returns whether it did.
    pub(crate) fn admit(&mut self, bytes: usize, now: Instant) -> bool {
        let before = self.bytes;
        let admitted = self.charge(bytes, now).is_zero();
        if !admitted {
            self.bytes = (self.bytes - bytes as f64).clamp(0.0, before);
        }
        admitted
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_more_has_to_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, 100, now);
        assert_eq!(pace.charge(1_000, now), Duration::ZERO);
        assert_eq!(pace.charge(50, now), Duration::from_millis(500));
        let later = now + Duration::from_millis(500);
        assert_eq!(pace.charge(0, later), Duration::ZERO);
        assert_eq!(pace.charge(100, later), Duration::from_secs(1));
    }

    #[test]
    fn refused_bytes_are_not_counted() {
        let now = Instant::now();
        let mut pace = Pace::new(2, 1, now);
        let admitted: Vec<bool> = (0..4).map(|_| pace.admit(1, now)).collect();
        assert_eq!(admitted, [true, true, false, false]);
        // Asking again and again does not make the wait longer.
        let half = now + Duration::from_millis(500);
        assert!(!pace.admit(1, half));
        assert!(pace.admit(1, now + Duration::from_secs(1)));
    }

    #[test]
    fn a_rest_allows_one_full_burst_again() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, 100, now);
        pace.charge(500, now);
        let later = now + Duration::from_secs(3_600);
        assert_eq!(pace.charge(1_000, later), Duration::ZERO);
        assert_eq!(pace.charge(100, later), Duration::from_secs(1));
    }
}

//! How much one peer may ask of the others, and how fast. Pure: a leaky bucket, of bytes or of
//! anything else that can be counted.

use std::time::{Duration, Instant};

/// What a client has caused lately, and what of it is still too much.
#[derive(Debug)]
pub(crate) struct Pace {
    burst_bytes: f64,
    bytes_per_second: f64,
    /// What has not leaked away yet, at `since`.
    bytes: f64,
    since: Instant,
}

impl Pace {
    /// `burst_bytes` at once, and lastingly `bytes_per_second`.
    pub(crate) fn new(burst_bytes: usize, bytes_per_second: usize, now: Instant) -> Self {
        Self {
            burst_bytes: burst_bytes as f64,
            // At least something, or a client that was too fast once would be mute forever.
            bytes_per_second: bytes_per_second.max(1) as f64,
            bytes: 0.0,
            since: now,
        }
    }

    /// Adds `bytes`, and returns how long to wait before anything more is taken in.
    pub(crate) fn charge(&mut self, bytes: usize, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.bytes = (self.bytes - elapsed * self.bytes_per_second).max(0.0) + bytes as f64;
        let excess = (self.bytes - self.burst_bytes).max(0.0);
        Duration::try_from_secs_f64(excess / self.bytes_per_second).unwrap_or(Duration::MAX)
    }

    /// Adds `bytes` if that is not too much, and says so.
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
    fn a_burst_is_free_and_what_exceeds_it_takes_its_time() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, 100, now);
        assert_eq!(pace.charge(1_000, now), Duration::ZERO);
        assert_eq!(pace.charge(50, now), Duration::from_millis(500));
        let later = now + Duration::from_millis(500);
        assert_eq!(pace.charge(0, later), Duration::ZERO);
        assert_eq!(pace.charge(100, later), Duration::from_secs(1));
    }

    #[test]
    fn what_is_not_admitted_is_not_counted() {
        let now = Instant::now();
        let mut pace = Pace::new(2, 1, now);
        let admitted: Vec<bool> = (0..4).map(|_| pace.admit(1, now)).collect();
        assert_eq!(admitted, [true, true, false, false]);
        // Whoever goes on asking waits no longer for it.
        let half = now + Duration::from_millis(500);
        assert!(!pace.admit(1, half));
        assert!(pace.admit(1, now + Duration::from_secs(1)));
    }

    #[test]
    fn after_a_rest_a_whole_burst_is_free_again_and_not_more() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, 100, now);
        pace.charge(500, now);
        let later = now + Duration::from_secs(3_600);
        assert_eq!(pace.charge(1_000, later), Duration::ZERO);
        assert_eq!(pace.charge(100, later), Duration::from_secs(1));
    }
}

//! A rate limit.

use std::time::{Duration, Instant};

/// A token bucket: it fills with time, and is full at first.
///
/// ```
/// use metaserve::bounds::Bucket;
/// use std::time::{Duration, Instant};
///
/// let mut bucket = Bucket::default();
/// let now = Instant::now();
/// // Two at once, then one per second.
/// assert!(bucket.spend(now, 1.0, 2.0));
/// assert!(bucket.spend(now, 1.0, 2.0));
/// assert!(!bucket.spend(now, 1.0, 2.0));
/// assert!(bucket.spend(now + Duration::from_secs(1), 1.0, 2.0));
/// ```
#[derive(Debug, Default)]
pub struct Bucket {
    /// What is missing until the bucket is full.
    spent: f64,
    filled: Option<Instant>,
}

impl Bucket {
    /// Spends one token, if there is one. The bucket gains `per_second` tokens per second and
    /// holds at most `most`.
    pub fn spend(&mut self, now: Instant, per_second: f64, most: f64) -> bool {
        let passed = self
            .filled
            .map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        self.filled = Some(now);
        self.spent = (self.spent - passed.as_secs_f64() * per_second).max(0.0);
        let there_is = self.spent + 1.0 <= most;
        if there_is {
            self.spent += 1.0;
        }
        there_is
    }

    /// The fraction that is left, from 0 to 1.
    #[must_use]
    pub fn left(&self, most: f64) -> f64 {
        1.0 - self.spent / most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test can start at any instant"
    )]
    fn a_bucket_refills_with_time_up_to_its_maximum() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let mut spend = |seconds| {
            let spent = bucket.spend(start + Duration::from_secs(seconds), 0.5, 4.0);
            (spent, bucket.left(4.0))
        };
        assert_eq!(spend(0), (true, 0.75));
        assert_eq!(spend(0), (true, 0.5));
        assert_eq!((spend(0), spend(0)), ((true, 0.25), (true, 0.0)));
        assert_eq!((spend(0), spend(1)), ((false, 0.0), (false, 0.125)));
        assert_eq!(spend(2), (true, 0.0));
        assert_eq!(spend(1_000), (true, 0.75));
    }
}

//! How long to wait before the next attempt: pure, the caller brings the randomness.

use crate::Retry;
use std::time::Duration;

/// Exponential backoff with jitter, so that peers that lost the same daemon at the same moment
/// do not all return at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Around which the first delay lies. Default 500 ms.
    pub first: Duration,
    /// Which no delay exceeds. Default 30 s. Not below `first`.
    pub longest: Duration,
    /// Which no delay exceeds after a refusal that only a person can mend. Default: `longest`.
    slow: Duration,
    attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// A backoff whose delays lie around `first`, then twice that, and so on up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            slow: longest,
            attempts: 0,
        }
    }

    /// The longest delay after a refusal that only a person can mend ([`Retry::Slowly`]), if it is
    /// another one.
    #[must_use]
    pub const fn slowly(self, slow: Duration) -> Self {
        Self { slow, ..self }
    }

    /// The delay before the next attempt, given a `random` number from 0 to 1: between half and
    /// one and a half of the nominal delay, never above `longest`. After a refusal that only a
    /// person can mend ([`Retry::Slowly`]) the nominal delay is the longest one for that at once.
    pub fn delay(&mut self, retry: Retry, random: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.attempts.min(20));
        let (nominal, longest) = match retry {
            Retry::Soon | Retry::Briefly => (doubled.min(self.longest), self.longest),
            Retry::Slowly | Retry::Never => (self.slow, self.slow),
        };
        self.attempts = self.attempts.saturating_add(1);
        nominal.mul_f64(0.5 + random.clamp(0.0, 1.0)).min(longest)
    }

    /// Begins again with the first delay: call it when an attempt has succeeded.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let mut delay = || backoff.delay(Retry::Soon, 0.5).as_secs();
        assert_eq!(
            [delay(), delay(), delay(), delay(), delay()],
            [1, 2, 4, 5, 5]
        );
        backoff.reset();
        assert_eq!(backoff.delay(Retry::Soon, 0.5), Duration::from_secs(1));
    }

    #[test]
    fn a_refusal_that_needs_a_person_is_retried_slowly() {
        let mut backoff = Backoff::default();
        assert!(backoff.delay(Retry::Slowly, 0.0) >= Duration::from_secs(15));
        let short = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));
        let mut own = short.slowly(Duration::from_secs(30));
        assert_eq!(own.delay(Retry::Slowly, 0.5), Duration::from_secs(30));
        assert!(own.delay(Retry::Soon, 1.0) <= Duration::from_secs(2));
        own.reset();
        assert_eq!(own.delay(Retry::Soon, 0.5), Duration::from_millis(250));
    }

    proptest! {
        #[test]
        fn delays_are_bounded(attempts in 0..100_u32, random: f64) {
            let mut backoff = Backoff::default();
            for _ in 0..attempts {
                backoff.delay(Retry::Soon, 0.5);
            }
            let delay = backoff.delay(Retry::Soon, if random.is_nan() { 0.0 } else { random });
            prop_assert!(delay >= Duration::from_millis(250) && delay <= Duration::from_secs(30));
        }
    }
}

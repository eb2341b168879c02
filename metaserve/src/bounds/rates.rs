//! How often each of many may do something. Pure.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// A token bucket for each key, such as a prefix of addresses, that has been charged lately: some
/// 40 bytes each.
///
/// ```
/// use metaserve::bounds::Rates;
/// use std::time::{Duration, Instant};
///
/// let (mut rates, now, second) = (Rates::default(), Instant::now(), Duration::from_secs(1));
/// // Two at once, then one per second.
/// assert_eq!(rates.spend("a", second, 2, now), Ok(()));
/// assert_eq!(rates.spend("a", second, 2, now), Ok(()));
/// assert_eq!(rates.spend("a", second, 2, now), Err(second));
/// assert_eq!(rates.spend("b", second, 2, now), Ok(()));
/// ```
#[derive(Debug)]
pub struct Rates<K> {
    /// When the bucket of a key is full again. A full bucket is forgotten.
    full: HashMap<K, Instant>,
}

/// The most keys that are remembered. Each is forgotten in seconds, so many more would have to
/// come in each of them.
const MAX_KEYS: usize = 100_000;

impl<K> Default for Rates<K> {
    fn default() -> Self {
        let full = HashMap::new();
        Self { full }
    }
}

impl<K: Eq + Hash> Rates<K> {
    /// Charges `key` once. It may be charged `at_once` times, and then once per `each`.
    ///
    /// # Errors
    /// After which time there is room for one more.
    pub fn spend(
        &mut self,
        key: K,
        each: Duration,
        at_once: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        if self.full.len() >= MAX_KEYS && !self.full.contains_key(&key) {
            return Err(Duration::from_secs(1));
        }
        let full = self.full.entry(key).or_insert(now);
        let charged = now.max(*full) + each;
        let most = now + each * at_once;
        if charged > most {
            return Err(charged - most);
        }
        *full = charged;
        Ok(())
    }

    /// Forgets the keys whose bucket is full. Memory is bounded without it, but new keys are
    /// refused when 100,000 are remembered: call it once a second or so.
    pub fn sweep(&mut self, now: Instant) {
        self.full.retain(|_, full| *full > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bounds::Origin, time::now};

    #[test]
    fn a_prefix_announces_a_number_at_once_and_then_at_its_rate() {
        let prefix = |address: &str| Origin::new(address.parse().unwrap()).leaf();
        let (ours, start, second) = (prefix("192.0.2.1"), now(), Duration::from_secs(1));
        let mut rates = Rates::default();
        let mut spend = |prefix, at| rates.spend(prefix, second / 2, 4, start + at);
        for _ in 0..4 {
            assert_eq!(spend(ours, Duration::ZERO), Ok(()));
        }
        assert_eq!(spend(ours, Duration::ZERO), Err(second / 2));
        assert_eq!(spend(prefix("192.0.2.2"), Duration::ZERO), Ok(()));
        assert_eq!(spend(ours, second / 2), Ok(()));
        assert_eq!(spend(ours, second / 2), Err(second / 2));
        // After a calm time it may send as many at once as before.
        for _ in 0..4 {
            assert_eq!(spend(ours, second * 60), Ok(()));
        }
        assert!(spend(ours, second * 60).is_err());
    }

    #[test]
    fn a_prefix_is_forgotten_when_its_bucket_is_full() {
        let (mut rates, start) = (Rates::default(), now());
        let (prefix, eighth) = (
            Origin::new([192, 0, 2, 1].into()).leaf(),
            Duration::from_millis(125),
        );
        rates.spend(prefix, eighth, 16, start).unwrap();
        rates.sweep(start + Duration::from_millis(124));
        assert_eq!(rates.full.len(), 1);
        rates.sweep(start + eighth);
        assert!(rates.full.is_empty());
    }
}

//! How often each prefix may announce. Pure.

use metaserve::{Limits, bounds::Prefix};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A token bucket for each prefix that has sent announcements lately, of about 40 bytes.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// When the bucket of a prefix is full again. A full bucket is forgotten.
    full: HashMap<Prefix, Instant>,
}

/// The most prefixes that are remembered. Each is forgotten in seconds, so many more would have to
/// connect in each of them.
const MAX_PREFIXES: usize = 100_000;

impl Rates {
    /// Charges an announcement.
    ///
    /// # Errors
    /// After which time there is room for one.
    pub(super) fn spend(
        &mut self,
        prefix: Prefix,
        limits: &Limits,
        now: Instant,
    ) -> Result<(), Duration> {
        let each = Duration::from_secs(1) / limits.announces_per_prefix;
        if self.full.len() >= MAX_PREFIXES && !self.full.contains_key(&prefix) {
            return Err(Duration::from_secs(1));
        }
        let full = self.full.entry(prefix).or_insert(now);
        let charged = now.max(*full) + each;
        let most = now + each * limits.announces_at_once;
        if charged > most {
            return Err(charged - most);
        }
        *full = charged;
        Ok(())
    }

    /// Forgets the prefixes whose bucket is full.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.full.retain(|_, full| *full > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::{bounds::Origin, time::now};

    #[test]
    fn a_prefix_announces_a_number_at_once_and_then_at_its_rate() {
        let mut limits = Limits::default();
        (limits.announces_per_prefix, limits.announces_at_once) = (2, 4);
        let prefix = |address: &str| Origin::new(address.parse().unwrap()).leaf();
        let (ours, start, second) = (prefix("192.0.2.1"), now(), Duration::from_secs(1));
        let mut rates = Rates::default();
        let mut spend = |prefix, at| rates.spend(prefix, &limits, start + at);
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
        let (mut rates, limits, start) = (Rates::default(), Limits::default(), now());
        let prefix = Origin::new([192, 0, 2, 1].into()).leaf();
        rates.spend(prefix, &limits, start).unwrap();
        rates.sweep(start + Duration::from_micros(62_499));
        assert_eq!(rates.full.len(), 1);
        rates.sweep(start + Duration::from_micros(62_500));
        assert!(rates.full.is_empty());
    }
}

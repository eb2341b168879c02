//! Zones that fail again and again: started less and less often, so that none of them takes the
//! others' time.

use metaserve::{Backoff, Retry};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A zone that has run for so long before it failed is started again as soon as one that has never
/// failed.
const STEADY: Duration = Duration::from_secs(60);

/// For so long a zone that has failed is remembered after it may be started again.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Which zones a host does not start for a while. Only of this host: another one may be a version in
/// which the defect is mended.
#[derive(Debug)]
pub(super) struct Quarantine {
    backoff: Backoff,
    cases: Mutex<BTreeMap<String, Case>>,
}

#[derive(Debug)]
struct Case {
    until: Instant,
    backoff: Backoff,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self::new(Backoff::new(
            Duration::from_secs(2),
            Duration::from_secs(300),
        ))
    }
}

impl Quarantine {
    /// With such times.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            cases: Mutex::default(),
        }
    }

    /// Why the zone of this key is not started now, in words.
    pub(super) fn refuses(&self, key: &str, now: Instant) -> Option<String> {
        let cases = self.cases.lock();
        let case = cases.get(key).filter(|it| now < it.until)?;
        let seconds = (case.until - now).as_secs() + 1;
        // The daemon passes 64 bytes on.
        Some(format!(
            "it has failed here, and rests for another {seconds} s"
        ))
    }

    /// The zone of this key has failed after it had run for so long. Returns whether it is the first time.
    /// `random` is from 0 to 1.
    pub(super) fn failed(&self, key: String, ran: Duration, now: Instant, random: f64) -> bool {
        let mut cases = self.cases.lock();
        cases.retain(|_, it| now < it.until + REMEMBERED);
        let known = cases.remove(&key).filter(|_| ran < STEADY);
        let is_first = known.is_none();
        let mut backoff = known.map_or_else(|| self.backoff.clone(), |it| it.backoff);
        let until = now + backoff.delay(Retry::Soon, random);
        let case = Case { until, backoff };
        cases.insert(key, case);
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_zone_that_fails_at_each_start_is_started_less_and_less_often() {
        let quarantine = Quarantine::default();
        let [zone, other] = ["zone/shared/meadow", "zone/shared/cellar"];
        let mut now = metaserve::time::now();
        let fails = |ran, now| quarantine.failed(zone.into(), ran, now, 0.5);
        let waits = |now| quarantine.refuses(zone, now);
        assert_eq!(waits(now), None);
        for (wait, is_first) in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
            .into_iter()
            .zip([true].into_iter().chain(std::iter::repeat(false)))
        {
            assert_eq!(fails(seconds(1), now), is_first);
            assert!(waits(now + seconds(wait) - Duration::from_millis(1)).is_some());
            assert_eq!(quarantine.refuses(other, now), None);
            now += seconds(wait);
            assert_eq!(waits(now), None);
        }
        // It was mended, and fails for another reason much later.
        assert!(fails(STEADY, now));
        assert_eq!(waits(now + seconds(2)), None);
        assert!(!fails(seconds(1), now + seconds(2)));
        // What has not failed for long is forgotten.
        let later = now + seconds(2_000);
        quarantine.failed(other.into(), seconds(1), later, 0.5);
        assert_eq!(quarantine.cases.lock().len(), 1);
    }
}

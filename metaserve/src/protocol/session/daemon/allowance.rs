//! How often a server may send heartbeats: pure.

use crate::{Limits, bounds::Bucket};
use std::time::{Duration, Instant};

/// How many heartbeats one server may still send: a bucket that fills with time.
#[derive(Debug)]
pub(super) struct Allowance {
    bucket: Bucket,
    most: f64,
    per_second: f64,
    warned: bool,
}

/// What one more heartbeat means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    Fine,
    /// Half of what is allowed at once is used up; said once until it has recovered.
    TooFast,
    Exceeded,
}

impl Allowance {
    /// Bursts that the network makes of evenly sent heartbeats are ten intervals' worth at most.
    const BURST: f64 = 10.0;

    /// Against intervals so short that any rate would be allowed.
    const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);

    pub(super) fn new(limits: &Limits) -> Self {
        let interval = limits.min_interval.max(Self::SHORTEST_INTERVAL);
        let per_interval = f64::from(limits.heartbeats_per_interval);
        let most = per_interval * Self::BURST;
        Self {
            bucket: Bucket::default(),
            most,
            per_second: per_interval / interval.as_secs_f64(),
            warned: false,
        }
    }

    /// Counts one heartbeat.
    pub(super) fn spend(&mut self, now: Instant) -> Rate {
        if !self.bucket.spend(now, self.per_second, self.most) {
            return Rate::Exceeded;
        }
        let left = self.bucket.left(self.most);
        let low = left < 0.5;
        let first = low && !self.warned;
        // Once warned, it has to recover before it is warned again.
        self.warned = left < 0.9 && (low || self.warned);
        if first { Rate::TooFast } else { Rate::Fine }
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
    fn ten_a_second_are_fine_for_ever() {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(&Limits::default());
        for _ in 0..10_000 {
            assert_eq!(allowance.spend(now), Rate::Fine);
            now += Duration::from_millis(100);
        }
    }

    #[test]
    fn a_flood_is_warned_once_and_then_ended() {
        let now = Instant::now();
        let mut allowance = Allowance::new(&Limits::default());
        let rates: Vec<_> = (0..321).map(|_| allowance.spend(now)).collect();
        assert_eq!(
            rates.iter().filter(|rate| **rate == Rate::TooFast).count(),
            1
        );
        assert_eq!(
            rates.iter().position(|rate| *rate == Rate::Exceeded),
            Some(320)
        );
    }

    #[test]
    fn half_used_up_is_warned_again_only_after_it_has_recovered() {
        let limits = Limits {
            min_interval: Duration::from_secs(10),
            ..Limits::default()
        };
        let (start, mut allowance) = (Instant::now(), Allowance::new(&limits));
        let mut warned_at = |seconds, spent| {
            let now = start + Duration::from_secs(seconds);
            let rates: Vec<_> = (0..spent).map(|_| allowance.spend(now)).collect();
            assert!(!rates.contains(&Rate::Exceeded));
            rates.iter().position(|rate| *rate == Rate::TooFast)
        };
        assert_eq!(warned_at(0, 200), Some(160));
        // 3.2 come back in a second.
        assert_eq!(warned_at(40, 30), None);
        assert_eq!(warned_at(1_000, 200), Some(160));
        let mut spent = |seconds| {
            let now = start + Duration::from_secs(seconds);
            let spend = |_: &u32| allowance.spend(now) != Rate::Exceeded;
            (0..999).take_while(spend).count()
        };
        let spent = [10_000, 10_001, 10_002].map(&mut spent);
        assert_eq!(spent, [320, 3, 3]);
    }
}

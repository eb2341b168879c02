//! May this peer come in now, and may it go on: pure but for two counters.

use metaserve::Limits;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts handshakes and connections.
pub(crate) struct Admission {
    handshakes: Arc<Semaphore>,
    max_handshakes: usize,
    retry_above: usize,
    connections: Arc<Semaphore>,
}

/// What to do with a peer's first packet.
pub(crate) enum Verdict {
    /// Shake hands; the permit is held until that is over.
    Accept(OwnedSemaphorePermit),
    /// Have it prove first that it holds its address, which costs us no memory.
    Validate,
    /// Say nothing: we are busy beyond answering.
    Ignore,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            handshakes: Arc::new(Semaphore::new(limits.max_handshakes)),
            max_handshakes: limits.max_handshakes,
            retry_above: limits.retry_above_handshakes,
            connections: Arc::new(Semaphore::new(limits.max_connections)),
        }
    }

    /// Judges a first packet. `validated`: its sender has shown that it holds its address.
    pub(crate) fn first_packet(&self, validated: bool) -> Verdict {
        let under_way = self.max_handshakes - self.handshakes.available_permits();
        if under_way >= self.retry_above && !validated {
            return Verdict::Validate;
        }
        match self.handshakes.clone().try_acquire_owned() {
            Ok(permit) => Verdict::Accept(permit),
            Err(_) => Verdict::Ignore,
        }
    }

    /// A place for one connection, if there is one; it is held until the connection ends.
    pub(crate) fn connection(&self) -> Option<OwnedSemaphorePermit> {
        self.connections.clone().try_acquire_owned().ok()
    }
}

/// How many heartbeats one server may still send: a bucket that fills with time.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
    warned: bool,
}

/// What one more heartbeat means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
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

    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let interval = limits.min_interval.max(Self::SHORTEST_INTERVAL);
        let per_interval = f64::from(limits.heartbeats_per_interval);
        let most = per_interval * Self::BURST;
        let per_second = per_interval / interval.as_secs_f64();
        Self {
            left: most,
            most,
            per_second,
            filled: now,
            warned: false,
        }
    }

    /// Counts one heartbeat.
    pub(crate) fn spend(&mut self, now: Instant) -> Rate {
        let passed = now.saturating_duration_since(self.filled);
        self.left = self
            .most
            .min(self.left + passed.as_secs_f64() * self.per_second)
            - 1.0;
        self.filled = now;
        if self.left < 0.0 {
            return Rate::Exceeded;
        }
        let low = self.left < self.most / 2.0;
        let first = low && !self.warned;
        // Once warned, it has to recover before it is warned again.
        self.warned = self.left < self.most * 0.9 && (low || self.warned);
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
        let mut allowance = Allowance::new(&Limits::default(), now);
        for _ in 0..10_000 {
            assert_eq!(allowance.spend(now), Rate::Fine);
            now += Duration::from_millis(100);
        }
    }

    #[test]
    fn a_flood_is_warned_once_and_then_ended() {
        let now = Instant::now();
        let mut allowance = Allowance::new(&Limits::default(), now);
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
    fn validation_is_asked_for_under_load_and_silence_follows() {
        let mut limits = Limits::default();
        (limits.retry_above_handshakes, limits.max_handshakes) = (1, 2);
        let admission = Admission::new(&limits);
        let Verdict::Accept(first) = admission.first_packet(false) else {
            panic!("calm")
        };
        assert!(matches!(admission.first_packet(false), Verdict::Validate));
        let Verdict::Accept(_second) = admission.first_packet(true) else {
            panic!("validated")
        };
        assert!(matches!(admission.first_packet(true), Verdict::Ignore));
        drop(first);
        assert!(matches!(admission.first_packet(true), Verdict::Accept(_)));
    }
}

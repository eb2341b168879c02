//! How long a silent peer is waited for (`docs/specifications/myth-metaserver.md`, section 20).
//! Pure: the time is passed in.

use std::time::Instant;

use super::{event::Gate, limits::Limits};
use crate::peers::Standing;

/// When to do something about one peer if it stays silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    gate: Gate,
    inside: bool,
    asked: bool,
    opened: Instant,
    heard: Instant,
    /// When it was last asked, for any reason.
    probed: Instant,
}

/// The next step when a peer is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask it for a sign of life.
    Ask,
    /// Disconnect it.
    GiveUp,
}

impl Patience {
    pub(super) fn new(gate: Gate, now: Instant) -> Self {
        Self {
            gate,
            inside: false,
            asked: false,
            opened: now,
            heard: now,
            probed: now,
        }
    }

    /// Records a complete packet. Incomplete ones do not count.
    pub(super) fn heard(&mut self, standing: Standing, now: Instant) {
        self.inside = standing == Standing::Inside;
        self.asked = false;
        self.heard = now;
    }

    /// Returns when something has to be done if the peer stays silent.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        match (self.gate, self.limit(limits)) {
            (Gate::Login, Some(limit)) => limit.min(self.heard + limits.login_silence),
            (_, Some(limit)) => limit,
            (_, None) => self.heard + limits.keep_alive,
        }
    }

    /// Returns when the peer is disconnected even if it sends packets. `None` for a player in a
    /// room.
    pub(super) fn limit(&self, limits: &Limits) -> Option<Instant> {
        match (self.gate, self.inside) {
            (Gate::Login, _) => Some(self.opened + limits.login_time),
            (Gate::Room(_), false) => Some(self.opened + limits.entry_time),
            (Gate::Room(_), true) => None,
        }
    }

    /// Whether to ask a player whose packets wait to be read, since the connection may already be
    /// gone. The question fails if it is. An answer takes a while, since it comes after those
    /// packets.
    pub(super) fn is_unsure(&mut self, limits: &Limits, now: Instant) -> bool {
        let unsure = self.inside && now >= self.probed + limits.keep_alive;
        if unsure {
            self.probed = now;
        }
        unsure
    }

    /// Called after the deadline. Clients at the login daemon must not be asked: some would take
    /// the question for the answer that they wait for.
    pub(super) fn expired(&mut self, now: Instant) -> Verdict {
        if !self.inside || self.asked {
            return Verdict::GiveUp;
        }
        self.asked = true;
        self.heard = now;
        self.probed = now;
        Verdict::Ask
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;
    use std::time::Duration;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_silent_player_is_asked_once_and_then_disconnected() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Room(0), start);
        assert_eq!(patience.deadline(&limits), start + seconds(20));
        patience.heard(Standing::Inside, start + seconds(1));
        assert_eq!(patience.deadline(&limits), start + seconds(11));
        assert_eq!(patience.expired(start + seconds(11)), Verdict::Ask);
        assert_eq!(patience.deadline(&limits), start + seconds(21));
        patience.heard(Standing::Inside, start + seconds(12));
        assert_eq!(patience.expired(start + seconds(22)), Verdict::Ask);
        assert_eq!(patience.expired(start + seconds(32)), Verdict::GiveUp);
    }

    #[test]
    fn a_player_whose_packets_wait_is_asked_at_the_same_rate() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Room(0), start);
        assert!(!patience.is_unsure(&limits, start + seconds(15)), "outside");
        let asked = (16..60).filter(|second| {
            let now = start + seconds(*second);
            patience.heard(Standing::Inside, now);
            patience.is_unsure(&limits, now)
        });
        assert_eq!(asked.collect::<Vec<_>>(), [16, 26, 36, 46, 56]);
        assert_eq!(
            patience.limit(&limits),
            None,
            "it is never disconnected for that"
        );
    }

    #[test]
    fn a_player_who_does_not_enter_is_disconnected_despite_packets() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Room(0), start);
        patience.heard(Standing::Outside, start + seconds(15));
        assert_eq!(patience.deadline(&limits), start + seconds(20));
        assert_eq!(patience.expired(start + seconds(20)), Verdict::GiveUp);
    }

    #[test]
    fn a_login_is_never_asked_and_ends_after_its_limit() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Login, start);
        assert_eq!(patience.deadline(&limits), start + seconds(60));
        patience.heard(Standing::Outside, start + seconds(290));
        assert_eq!(patience.deadline(&limits), start + seconds(300));
        assert_eq!(patience.expired(start + seconds(300)), Verdict::GiveUp);
    }
}

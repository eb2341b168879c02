//! How long a silent peer is waited for (`docs/specifications/myth-metaserver.md`, section 20).
//! Pure: it is told the time.

use std::time::Instant;

use super::{event::Gate, limits::Limits};
use crate::peers::Standing;

/// When something has to happen about one peer if it stays silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    gate: Gate,
    inside: bool,
    asked: bool,
    opened: Instant,
    heard: Instant,
    /// When it was last asked, whatever for.
    probed: Instant,
}

/// What has to happen about a silent peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask whether it is there.
    Ask,
    /// It is not.
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

    /// A complete packet has come; less does not count.
    pub(super) fn heard(&mut self, standing: Standing, now: Instant) {
        self.inside = standing == Standing::Inside;
        self.asked = false;
        self.heard = now;
    }

    /// Until when nothing has to happen.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        match (self.gate, self.limit(limits)) {
            (Gate::Login, Some(limit)) => limit.min(self.heard + limits.login_silence),
            (_, Some(limit)) => limit,
            (_, None) => self.heard + limits.keep_alive,
        }
    }

    /// When it is over whatever is said; never for a player in a room.
    pub(super) fn limit(&self, limits: &Limits) -> Option<Instant> {
        match (self.gate, self.inside) {
            (Gate::Login, _) => Some(self.opened + limits.login_time),
            (Gate::Room(_), false) => Some(self.opened + limits.entry_time),
            (Gate::Room(_), true) => None,
        }
    }

    /// Whether to ask a player whose packets wait to be read: they may be all that is left of
    /// it. Whatever is sent then brings the end of its connection to light, and an answer is not
    /// expected soon, since it comes behind them.
    pub(super) fn is_unsure(&mut self, limits: &Limits, now: Instant) -> bool {
        let unsure = self.inside && now >= self.probed + limits.keep_alive;
        if unsure {
            self.probed = now;
        }
        unsure
    }

    /// The deadline is over. Clients at the login daemon must not be asked: some would take the
    /// question for the answer they wait for.
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
    fn a_player_is_asked_once_and_then_given_up() {
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
    fn a_player_with_more_to_say_than_is_read_is_asked_at_the_same_pace() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Room(0), start);
        assert!(!patience.is_unsure(&limits, start + seconds(15)), "outside");
        let asked = (16..60).filter(|second| {
            let now = start + seconds(*second);
            patience.heard(Standing::Inside, now);
            patience.is_unsure(&limits, now)
        });
        assert_eq!(asked.collect::<Vec<_>>(), [16, 26, 36, 46, 56]);
        assert_eq!(patience.limit(&limits), None, "and never given up for it");
    }

    #[test]
    fn who_does_not_enter_is_given_up_whatever_he_says() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Room(0), start);
        patience.heard(Standing::Outside, start + seconds(15));
        assert_eq!(patience.deadline(&limits), start + seconds(20));
        assert_eq!(patience.expired(start + seconds(20)), Verdict::GiveUp);
    }

    #[test]
    fn a_login_is_never_asked_and_ends_after_all() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Gate::Login, start);
        assert_eq!(patience.deadline(&limits), start + seconds(60));
        patience.heard(Standing::Outside, start + seconds(290));
        assert_eq!(patience.deadline(&limits), start + seconds(300));
        assert_eq!(patience.expired(start + seconds(300)), Verdict::GiveUp);
    }
}

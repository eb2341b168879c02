//! A clock that stands still while the node does not run.

use super::node::BEAT;
use std::time::{Duration, Instant};

/// A node that was stopped for a while, by its machine or by a signal, has heard nobody in that
/// time, which says nothing about the others. So this time does not count.
#[derive(Debug, Default)]
pub(super) struct Steady {
    last: Option<Instant>,
    stopped: Duration,
}

/// A node is called once per beat at least. If nobody has called it for so long, it was stopped.
const STOPPED: Duration = BEAT.saturating_mul(3);

impl Steady {
    /// The time on this clock at `now`.
    pub(super) fn at(&mut self, now: Instant) -> Instant {
        let last = self.last.replace(now).unwrap_or(now);
        let pause = now.saturating_duration_since(last);
        if pause > STOPPED {
            self.stopped += pause;
        }
        self.read(now)
    }

    /// The same, of the time that was seen last.
    pub(super) fn read(&self, now: Instant) -> Instant {
        now.checked_sub(self.stopped).unwrap_or(now)
    }

    /// The instant at which this clock will show `time`, if the node is not stopped before.
    pub(super) fn due(&self, time: Instant) -> Instant {
        time + self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn time_passes_while_the_node_runs_and_stands_still_while_it_is_stopped() {
        let start = Instant::now();
        let second = |at| start + Duration::from_secs(at);
        let mut steady = Steady::default();
        for at in [0, 1, 2, 5] {
            assert_eq!(steady.at(second(at)), second(at));
        }
        assert_eq!(steady.at(second(35)), second(5));
        assert_eq!(steady.at(second(36)), second(6));
        assert_eq!(steady.due(second(7)), second(37));
    }
}

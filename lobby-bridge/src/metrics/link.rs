//! A connection to a daemon, as the metrics show it.

use metaserve_heartbeat::Status;

use super::{Metrics, Purpose};

/// Counts one connection that the bridge wants to have, as it comes and goes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    metrics: Metrics,
    purpose: Purpose,
    is_live: bool,
}

impl Link {
    /// A connection that is not there yet.
    pub(crate) fn new(metrics: Metrics, purpose: Purpose) -> Self {
        metrics.link(purpose, "down").inc();
        Self {
            metrics,
            purpose,
            is_live: false,
        }
    }

    /// Takes note of how the connection stands.
    pub(crate) fn stands(&mut self, status: &Status) {
        let is_live = matches!(status, Status::Live { .. });
        if let Status::Waiting { .. } = status {
            self.metrics.link_failed(self.purpose);
        }
        if is_live == self.is_live {
            return;
        }
        self.metrics.link(self.purpose, state(self.is_live)).dec();
        self.metrics.link(self.purpose, state(is_live)).inc();
        self.is_live = is_live;
        if is_live {
            self.metrics.link_made(self.purpose);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.metrics.link(self.purpose, state(self.is_live)).dec();
    }
}

const fn state(is_live: bool) -> &'static str {
    if is_live { "live" } else { "down" }
}

//! The counters of servers that are announced over HTTP.

use super::Labels;
use crate::rules::Limit;
use metaserve::announce::Outcome;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Default)]
pub(super) struct Announces {
    servers: Gauge,
    outcomes: Family<Labels<1>, Counter>,
}

impl Announces {
    pub(super) fn register(&self, registry: &mut Registry) {
        let (servers, outcomes) = (self.servers.clone(), self.outcomes.clone());
        registry.register("announced_servers", "Servers announced over HTTP", servers);
        let help = "Announcements over HTTP by outcome";
        registry.register("announces", help, outcomes);
    }

    pub(super) fn begin(&self) {
        for outcome in Outcome::ALL {
            drop(self.outcomes.get_or_create(&[("outcome", outcome.name())]));
        }
    }

    /// How many servers are announced now.
    pub(super) fn set(&self, servers: i64) {
        self.servers.set(servers);
    }

    /// Counts a request, and says which limit it has reached.
    pub(super) fn count(&self, outcome: Outcome) -> Option<Limit> {
        let labels = [("outcome", outcome.name())];
        self.outcomes.get_or_create(&labels).inc();
        match outcome {
            Outcome::Oversize => Some(Limit::MaxHeartbeat),
            Outcome::TooSoon => Some(Limit::MinInterval),
            Outcome::Rows => Some(Limit::MaxListedPerPrefix),
            Outcome::Rate => Some(Limit::AnnouncesPerPrefix),
            Outcome::Full => Some(Limit::MaxAnnounced),
            Outcome::Games => Some(Limit::MaxGames),
            _ => None,
        }
    }
}

//! Counters of a daemon in a cluster. Without a cluster all of them are zero.

use super::{Labels, Metrics};
use crate::{
    cluster::{MemberStatus, Refusal, State, Why},
    rules::Limit,
};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::time::Duration;

/// What is counted of a cluster.
pub(crate) struct Cluster {
    members: Family<Labels<1>, Gauge>,
    syncs: Family<Labels<1>, Counter>,
    gaps: Counter,
    lag: Histogram,
    skipped: Counter,
    refused: Family<Labels<1>, Counter>,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self {
            members: Family::default(),
            syncs: Family::default(),
            gaps: Counter::default(),
            // From 1 millisecond to 16 seconds.
            lag: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            skipped: Counter::default(),
            refused: Family::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        macro_rules! register {
            ($($name:literal $help:literal $metric:ident;)*) => {
                $(registry.register($name, $help, self.$metric.clone());)*
            };
        }
        register! {
            "cluster_members" "Other members and edges of the cluster by state" members;
            "cluster_syncs" "Questions for the servers of a member, by reason" syncs;
            "cluster_gaps" "Times that changes of a member were missing" gaps;
            "cluster_lag_seconds" "How late the beats of members are" lag;
            "cluster_publish_skipped" "Messages that could not be handed over to NATS" skipped;
            "cluster_messages_refused" "Messages that were dropped, by reason" refused;
        }
    }

    /// Creates each series with the value zero.
    pub(super) fn begin(&self) {
        for state in State::ALL {
            drop(self.members.get_or_create(&[("state", state.name())]));
        }
        for why in Why::ALL {
            drop(self.syncs.get_or_create(&[("why", why.name())]));
        }
        for why in Refusal::ALL {
            drop(self.refused.get_or_create(&[("reason", why.name())]));
        }
    }

    pub(crate) fn members(&self, members: &[MemberStatus]) {
        for state in State::ALL {
            let count = members.iter().filter(|it| it.state == state).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let labels = [("state", state.name())];
            self.members.get_or_create(&labels).set(count);
        }
    }

    pub(crate) fn sync(&self, why: Why) {
        self.syncs.get_or_create(&[("why", why.name())]).inc();
    }

    pub(crate) fn gap(&self) {
        self.gaps.inc();
    }

    pub(crate) fn lag(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    pub(crate) fn skipped(&self) {
        self.skipped.inc();
    }

    pub(crate) fn refused(&self, why: Refusal) {
        self.refused.get_or_create(&[("reason", why.name())]).inc();
    }
}

impl Metrics {
    /// Counts servers of other members that are left out for want of room.
    pub(crate) fn left_out(&self, servers: usize) {
        let labels = [("limit", Limit::ClusterMaxServers.name())];
        self.reached.get_or_create(&labels).inc_by(servers as u64);
    }
}

//! Counters of a daemon in a cluster. Without a cluster all of them are zero.

use super::Labels;
use crate::cluster::{MemberStatus, Refusal, Role, State, Why};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// What is counted of a cluster.
pub(crate) struct Cluster {
    /// What this daemon is in a cluster.
    role: &'static str,
    connected: Family<Labels<1>, Gauge>,
    members: Family<Labels<2>, Gauge>,
    syncs: Family<Labels<1>, Counter>,
    gaps: Counter,
    lag: Histogram,
    skipped: Counter,
    refused: Family<Labels<1>, Counter>,
}

impl Cluster {
    /// Of a daemon with this role, if it is in a cluster.
    pub(super) fn new(role: Option<Role>) -> Self {
        Self {
            role: role.map_or("none", Role::name),
            connected: Family::default(),
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
            "cluster_connected" "Whether this daemon is connected to NATS, by its role in a cluster" connected;
            "cluster_members" "Other members and edges of the cluster, by role and state" members;
            "cluster_syncs" "Questions for the servers of a member, by reason" syncs;
            "cluster_gaps" "Times that changes of a member were missing" gaps;
            "cluster_lag_seconds" "How late the beats of members are" lag;
            "cluster_publish_skipped" "Messages that could not be handed over to NATS" skipped;
            "cluster_messages_refused" "Messages that were dropped, by reason" refused;
        }
    }

    /// Creates each series with the value zero.
    pub(super) fn begin(&self) {
        self.connected(false);
        self.members(&[]);
        for why in Why::ALL {
            drop(self.syncs.get_or_create(&[("why", why.name())]));
        }
        for why in Refusal::ALL {
            drop(self.refused.get_or_create(&[("reason", why.name())]));
        }
    }

    /// Whether this daemon is connected to NATS.
    pub(crate) fn connected(&self, is_up: bool) {
        let connected = self.connected.get_or_create(&[("role", self.role)]);
        connected.set(i64::from(is_up));
    }

    pub(crate) fn members(&self, members: &[MemberStatus]) {
        let both = [Role::Member, Role::Edge].into_iter();
        for (role, state) in both.flat_map(|role| State::ALL.map(|state| (role, state))) {
            let these = members.iter().filter(|it| it.role == role);
            let count = these.filter(|it| it.state == state).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let labels = [("role", role.name()), ("state", state.name())];
            self.members.get_or_create(&labels).set(count);
        }
    }
}

/// What the driver counts.
#[cfg(feature = "cluster")]
impl Cluster {
    pub(crate) fn sync(&self, why: Why) {
        self.syncs.get_or_create(&[("why", why.name())]).inc();
    }

    pub(crate) fn gap(&self) {
        self.gaps.inc();
    }

    pub(crate) fn lag(&self, lag: std::time::Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    pub(crate) fn skipped(&self) {
        self.skipped.inc();
    }

    pub(crate) fn refused(&self, why: Refusal) {
        self.refused.get_or_create(&[("reason", why.name())]).inc();
    }
}

#[cfg(feature = "cluster")]
impl super::Metrics {
    /// Counts servers of other members that are left out for want of room.
    pub(crate) fn left_out(&self, servers: usize) {
        let labels = [("limit", crate::rules::Limit::ClusterMaxServers.name())];
        self.reached.get_or_create(&labels).inc_by(servers as u64);
    }
}

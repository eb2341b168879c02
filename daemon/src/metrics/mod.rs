//! All counters of the daemon in one place, and their text for Prometheus.
//!
//! `docs/reference/metrics.md` explains each metric; a test compares that page with this file.

mod announces;
mod claims;
mod cluster;
mod games;
mod names;
mod present;

pub(crate) use metaserve::program::metrics::Counted;
pub(crate) use names::{BannedAt, Handshake, Pool, Rejected, Way};
pub(crate) use present::Present;

use crate::{rules::Limit, shards::HandedOver};
use announces::Announces;
use claims::Claims;
use cluster::Cluster;
use metaserve::{
    CloseCode, Role,
    announce::Outcome,
    feed::{Frame, Kind},
    program::metrics::{self, Labels, Process},
    registry::Applied,
};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};
use std::{
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

/// The counters and gauges of the daemon.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    connections: Family<Labels<1>, Gauge>,
    closed: Family<Labels<2>, Counter>,
    handshakes: Family<Labels<1>, Counter>,
    handshakes_under_way: Gauge,
    heartbeats: Family<Labels<1>, Counter>,
    rejected: Family<Labels<1>, Counter>,
    heartbeat_bytes: Counter,
    servers: Family<[(&'static str, String); 1], Gauge>,
    waiting: Gauge,
    frames: Family<Labels<2>, Counter>,
    encoded: Family<Labels<2>, Counter>,
    bytes: Family<Labels<1>, Counter>,
    http_connections: Gauge,
    listeners: Gauge,
    limits: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    reached: Family<Labels<1>, Counter>,
    crowded_out: Family<Labels<1>, Counter>,
    bans: Gauge,
    banned: Family<Labels<1>, Counter>,
    certificate_ends: Gauge,
    ticks: Histogram,
    handed_over: Family<Labels<1>, Counter>,
    announces: Announces,
    cluster: Cluster,
    claims: Claims,
    process: Process,
}

impl Metrics {
    /// The metrics of a daemon with this role, if it is in a cluster.
    pub(crate) fn new(role: Option<crate::cluster::Role>) -> Self {
        // From 50 microseconds to 1.6 seconds.
        let ticks = Histogram::new(exponential_buckets(0.000_05, 2.0, 16));
        let metrics = Self {
            registry: Mutex::default(),
            connections: Family::default(),
            closed: Family::default(),
            handshakes: Family::default(),
            handshakes_under_way: Gauge::default(),
            heartbeats: Family::default(),
            rejected: Family::default(),
            heartbeat_bytes: Counter::default(),
            servers: Family::default(),
            waiting: Gauge::default(),
            frames: Family::default(),
            encoded: Family::default(),
            bytes: Family::default(),
            http_connections: Gauge::default(),
            listeners: Gauge::default(),
            limits: Family::default(),
            reached: Family::default(),
            crowded_out: Family::default(),
            bans: Gauge::default(),
            banned: Family::default(),
            certificate_ends: Gauge::default(),
            ticks,
            handed_over: Family::default(),
            announces: Announces::default(),
            cluster: Cluster::new(role),
            claims: Claims::default(),
            process: Process::default(),
        };
        *metrics.lock() = metrics.registered();
        metrics.begin();
        metrics
    }

    fn registered(&self) -> Registry {
        let mut all = Registry::default();
        self.process.register(&mut all);
        let registry = all.sub_registry_with_prefix("metaserve");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        macro_rules! register {
            ($($name:literal $help:literal $metric:ident;)*) => {
                $(registry.register($name, $help, self.$metric.clone());)*
            };
        }
        register! {
            "connections" "QUIC connections by role" connections;
            "connections_closed" "Connections closed by the daemon" closed;
            "handshakes" "First packets by outcome" handshakes;
            "handshakes_under_way" "Handshakes in progress" handshakes_under_way;
            "heartbeats" "Heartbeats by outcome" heartbeats;
            "heartbeats_rejected" "Rejected heartbeats by reason" rejected;
            "heartbeat_bytes" "Bytes of heartbeats received" heartbeat_bytes;
            "servers" "Listed servers by game" servers;
            "servers_waiting" "Servers waiting for a row of the list" waiting;
            "frames_sent" "Frames sent by way and kind" frames;
            "frames_encoded" "Frames encoded, each once for all its readers" encoded;
            "sent_bytes" "Bytes of frames sent by way" bytes;
            "http_connections" "Open HTTP connections" http_connections;
            "listeners" "Clients that listen to events over HTTP" listeners;
            "limit" "The value of each limit" limits;
            "limit_reached" "How often each limit was reached" reached;
            "crowded_out" "Places given to a newcomer from an address with fewer" crowded_out;
            "bans" "Prefixes that are banned now" bans;
            "banned" "Peers refused because of a ban" banned;
            "certificate_expiry_timestamp_seconds" "When the certificate expires, in Unix time, or 0 if unknown" certificate_ends;
            "tick_seconds" "Time spent on the work of one tick" ticks;
            "packets_handed_over" "Packets passed on to the shard of their connection, by outcome" handed_over;
        }
        self.announces.register(registry);
        self.cluster.register(registry);
        self.claims.register(registry);
        all
    }

    /// Creates each series with the value zero. A series that first appears with its first event
    /// hides that event from a rate.
    fn begin(&self) {
        self.announces.begin();
        self.cluster.begin();
        self.claims.begin();
        for role in Role::ALL.map(Role::name) {
            drop(self.connections.get_or_create(&[("role", role)]));
            for code in CloseCode::KNOWN {
                let labels = [("role", role), ("code", code.name())];
                drop(self.closed.get_or_create(&labels));
            }
        }
        for outcome in Handshake::ALL {
            drop(
                self.handshakes
                    .get_or_create(&[("outcome", outcome.name())]),
            );
        }
        for outcome in ["accepted", "waiting", "unchanged", "superseded", "replaced"] {
            drop(self.heartbeats.get_or_create(&[("outcome", outcome)]));
        }
        for reason in Rejected::ALL {
            drop(self.rejected.get_or_create(&[("reason", reason.name())]));
        }
        for limit in Limit::ALL {
            drop(self.reached.get_or_create(&[("limit", limit.name())]));
        }
        for pool in Pool::ALL {
            drop(self.crowded_out.get_or_create(&[("pool", pool.name())]));
        }
        for at in BannedAt::ALL {
            drop(self.banned.get_or_create(&[("at", at.name())]));
        }
        for way in Way::ALL {
            drop(self.bytes.get_or_create(&[("way", way.name())]));
            for kind in Kind::ALL {
                let labels = [("way", way.name()), ("kind", kind.name())];
                drop(self.frames.get_or_create(&labels));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection of this role until the guard is dropped.
    pub(crate) fn connected(&self, role: Role) -> Counted {
        let labels = [("role", role.name())];
        Counted::new(self.connections.get_or_create(&labels).clone())
    }

    /// How many connections of this role are open.
    #[cfg(feature = "cluster")]
    pub(crate) fn connected_now(&self, role: Role) -> i64 {
        let labels = [("role", role.name())];
        self.connections.get_or_create(&labels).get()
    }

    /// The counters of a cluster.
    #[cfg(feature = "cluster")]
    pub(crate) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The counters of names.
    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Counts an HTTP connection until the guard is dropped.
    pub(crate) fn connected_http(&self) -> Counted {
        Counted::new(self.http_connections.clone())
    }

    /// Counts a listener to events until the guard is dropped.
    pub(crate) fn listening(&self) -> Counted {
        Counted::new(self.listeners.clone())
    }

    /// Counts a request to announce a server, or to take one off the list.
    pub(crate) fn announced(&self, outcome: Outcome) {
        if let Some(limit) = self.announces.count(outcome) {
            self.reached(limit);
        }
    }

    pub(crate) fn closed(&self, role: Role, code: CloseCode) {
        let labels = [("role", role.name()), ("code", code.name())];
        self.closed.get_or_create(&labels).inc();
    }

    pub(crate) fn handshake(&self, outcome: Handshake) {
        let labels = [("outcome", outcome.name())];
        self.handshakes.get_or_create(&labels).inc();
    }

    /// Counts a heartbeat that was received, whatever its outcome.
    pub(crate) fn received(&self, bytes: usize) {
        self.heartbeat_bytes.inc_by(bytes as u64);
    }

    pub(crate) fn heartbeat(&self, applied: Applied) {
        match applied {
            Applied::Changed => self.heartbeat_outcome("accepted"),
            Applied::Waits => self.heartbeat_outcome("waiting"),
            Applied::Unchanged => self.heartbeat_outcome("unchanged"),
            Applied::Replaced => self.heartbeat_outcome("replaced"),
        }
    }

    /// Counts a heartbeat that was held back because it came too soon or repeats the one before.
    pub(crate) fn held_back(&self, offered: metaserve::Offered) {
        if offered.superseded {
            self.heartbeat_outcome("superseded");
            self.reached(Limit::MinInterval);
        }
        if offered.unchanged {
            self.heartbeat_outcome("unchanged");
        }
    }

    fn heartbeat_outcome(&self, outcome: &'static str) {
        self.heartbeats.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn rejected(&self, reason: Rejected) {
        self.rejected
            .get_or_create(&[("reason", reason.name())])
            .inc();
        if let Some(limit) = reason.limit() {
            self.reached(limit);
        }
    }

    /// Counts that a limit was reached.
    pub(crate) fn reached(&self, limit: Limit) {
        self.reached.get_or_create(&[("limit", limit.name())]).inc();
    }

    /// Counts a place that was given to a newcomer from an address with fewer.
    pub(crate) fn crowded_out(&self, pool: Pool) {
        self.crowded_out
            .get_or_create(&[("pool", pool.name())])
            .inc();
    }

    pub(crate) fn banned(&self, at: BannedAt) {
        self.banned.get_or_create(&[("at", at.name())]).inc();
    }

    pub(crate) fn sent(&self, way: Way, frame: &Frame, bytes: usize) {
        let labels = [("way", way.name()), ("kind", frame.kind().name())];
        self.frames.get_or_create(&labels).inc();
        self.bytes
            .get_or_create(&[("way", way.name())])
            .inc_by(bytes as u64);
    }

    /// Counts packets that arrived at another shard than theirs.
    pub(crate) fn handed_over(&self) -> HandedOver {
        let outcome = |outcome| {
            let labels = [("outcome", outcome)];
            self.handed_over.get_or_create(&labels).clone()
        };
        HandedOver {
            delivered: outcome("delivered"),
            dropped: outcome("dropped"),
        }
    }

    pub(crate) fn tick(&self, took: Duration) {
        self.ticks.observe(took.as_secs_f64());
    }

    /// All metrics as text.
    pub(crate) fn text(&self, present: &Present<'_>) -> String {
        // The lock is held until the text is complete, so that concurrent requests do not mix
        // their lists of games.
        let registry = self.lock();
        self.look(present);
        metrics::text(&registry)
    }
}

//! Everything that is counted, in one place, and its text for Prometheus.
//!
//! `docs/operating.md` explains each; a test holds that page against this file.

use metaserve::{
    CloseCode, Role,
    feed::{Feed, Frame, frames_encoded},
    registry::Applied,
};
use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

/// Names and values that tell counters of one name apart; the values are few.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Games that are shown by name, those with the most servers; the rest are `other`, so that
/// nobody can make Prometheus keep a series for each tag that comes to his mind.
const MAX_GAMES: usize = 20;

/// How the daemon's counters are read and written.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    connections: Family<Labels<1>, Gauge>,
    closed: Family<Labels<2>, Counter>,
    handshakes: Family<Labels<1>, Counter>,
    heartbeats: Family<Labels<1>, Counter>,
    refusals: Counter,
    servers: Family<[(&'static str, String); 1], Gauge>,
    frames: Family<Labels<2>, Counter>,
    encoded: Counter,
    bytes: Family<Labels<1>, Counter>,
    stalled: Counter,
    listeners: Gauge,
    ticks: Histogram,
}

/// What became of a first packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handshake {
    Accepted,
    Retried,
    Ignored,
    Failed,
}

/// By which way a frame goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Quic,
    Http,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Http => "http",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        // From 50 microseconds to 1.6 seconds.
        let ticks = Histogram::new(exponential_buckets(0.000_05, 2.0, 16));
        let mut registry = Registry::with_prefix("metaserve");
        let metrics = Self {
            registry: Mutex::default(),
            connections: Family::default(),
            closed: Family::default(),
            handshakes: Family::default(),
            heartbeats: Family::default(),
            refusals: Counter::default(),
            servers: Family::default(),
            frames: Family::default(),
            encoded: Counter::default(),
            bytes: Family::default(),
            stalled: Counter::default(),
            listeners: Gauge::default(),
            ticks,
        };
        let it = &metrics;
        registry.register(
            "connections",
            "QUIC connections by role",
            it.connections.clone(),
        );
        registry.register(
            "connections_closed",
            "Ended by the daemon",
            it.closed.clone(),
        );
        registry.register(
            "handshakes",
            "First packets by outcome",
            it.handshakes.clone(),
        );
        registry.register("heartbeats", "By what they did", it.heartbeats.clone());
        registry.register("relay_refusals", "Servers refused", it.refusals.clone());
        registry.register("servers", "Listed, by game", it.servers.clone());
        registry.register("frames_sent", "By way and kind", it.frames.clone());
        registry.register("frames_encoded", "Made, once for all", it.encoded.clone());
        registry.register("sent_bytes", "Of frames, by way", it.bytes.clone());
        registry.register(
            "stalled_clients",
            "Too slow, begun anew",
            it.stalled.clone(),
        );
        registry.register("listeners", "Listeners to events", it.listeners.clone());
        registry.register("tick_seconds", "Work of one tick", it.ticks.clone());
        *metrics.lock() = registry;
        metrics.begin();
        metrics
    }

    /// Shows from the start, as zero, what may be counted: a series that appears with its first
    /// event hides that event from whoever looks at its rate.
    fn begin(&self) {
        for role in [Role::Heartbeat, Role::Client, Role::Relay] {
            drop(self.connections.get_or_create(&[("role", name(role))]));
            for code in CloseCode::KNOWN {
                let labels = [("role", name(role)), ("code", code.name())];
                drop(self.closed.get_or_create(&labels));
            }
        }
        for outcome in ["accepted", "retried", "ignored", "failed"] {
            drop(self.handshakes.get_or_create(&[("outcome", outcome)]));
        }
        for outcome in ["accepted", "unchanged", "replaced"] {
            drop(self.heartbeats.get_or_create(&[("outcome", outcome)]));
        }
        for way in [Way::Quic, Way::Http] {
            drop(self.bytes.get_or_create(&[("way", way.name())]));
            for kind in ["snapshot", "delta"] {
                drop(
                    self.frames
                        .get_or_create(&[("way", way.name()), ("kind", kind)]),
                );
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection of this role until the guard is dropped.
    pub(crate) fn connected(&self, role: Role) -> Counted {
        Counted::new(
            self.connections
                .get_or_create(&[("role", name(role))])
                .clone(),
        )
    }

    /// Counts a listener to events until the guard is dropped.
    pub(crate) fn listening(&self) -> Counted {
        Counted::new(self.listeners.clone())
    }

    pub(crate) fn closed(&self, role: Role, code: CloseCode) {
        let labels = [("role", name(role)), ("code", code.name())];
        self.closed.get_or_create(&labels).inc();
    }

    pub(crate) fn handshake(&self, outcome: Handshake) {
        let outcome = match outcome {
            Handshake::Accepted => "accepted",
            Handshake::Retried => "retried",
            Handshake::Ignored => "ignored",
            Handshake::Failed => "failed",
        };
        self.handshakes.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn heartbeat(&self, applied: Applied) {
        let outcome = match applied {
            Applied::Changed => "accepted",
            Applied::Unchanged => "unchanged",
            Applied::Replaced => "replaced",
        };
        self.heartbeats.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn relay_refusal(&self) {
        self.refusals.inc();
    }

    pub(crate) fn sent(&self, way: Way, frame: &Frame, bytes: usize) {
        let kind = frame.from().map_or("snapshot", |_| "delta");
        let labels = [("way", way.name()), ("kind", kind)];
        self.frames.get_or_create(&labels).inc();
        self.bytes
            .get_or_create(&[("way", way.name())])
            .inc_by(bytes as u64);
    }

    pub(crate) fn stalled(&self) {
        self.stalled.inc();
    }

    pub(crate) fn tick(&self, took: Duration) {
        self.ticks.observe(took.as_secs_f64());
    }

    /// All of it as text.
    pub(crate) fn text(&self, all: &Feed) -> String {
        // Locked for all of it: two who ask at once do not mix their lists of games.
        let registry = self.lock();
        self.encoded
            .inner()
            .store(frames_encoded(), Ordering::Relaxed);
        self.servers.clear();
        for (game, count) in by_game(all) {
            self.servers.get_or_create(&[("game", game)]).set(count);
        }
        let mut text = String::new();
        text::encode(&mut text, &registry).expect("a String takes any text");
        text
    }
}

/// Servers by game: those with the most, then all others together.
fn by_game(all: &Feed) -> Vec<(String, i64)> {
    let mut games: HashMap<_, i64> = HashMap::new();
    for server in all.servers() {
        *games.entry(server.placement.game.clone()).or_default() += 1;
    }
    let mut games: Vec<_> = games
        .into_iter()
        .map(|(game, count)| (game.to_string(), count))
        .collect();
    games.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    // A game may be called that as well: then it is one of the others.
    let named = |game: &str, at: usize| at < MAX_GAMES && game != "other";
    let mut shown = Vec::new();
    let mut other = 0;
    for (at, (game, count)) in games.into_iter().enumerate() {
        if named(&game, at) {
            shown.push((game, count));
        } else {
            other += count;
        }
    }
    shown.push(("other".into(), other));
    shown
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Heartbeat => "heartbeat",
        Role::Client => "client",
        Role::Relay => "relay",
    }
}

/// One more, until it is dropped.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

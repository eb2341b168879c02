//! All counters of the bridge in one place, and their text for Prometheus.
//!
//! `docs/reference/metrics.md` explains each metric; a test compares that page with this folder.
//! [`Metrics`] are those of one bridge, and [`Tally`] those of one of its protocols. `words` are
//! all values that labels can have; the endpoint serves the text.

mod endpoint;
mod link;
mod tally;
mod words;

pub use self::{endpoint::EndpointError, tally::Tally};
pub(crate) use self::{
    endpoint::{Endpoint, described},
    link::Link,
    words::{Datagram, Done, LeftOut, Outcome, Purpose, Question, Status},
};

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use metaserve::{
    address::Family as AddressFamily,
    program::metrics::{self, Labels, Process},
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use self::tally::number;
use crate::{bans::Guard, publish::Listings};

/// The families of addresses.
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

/// How a connection to a daemon stands.
const STATES: [&str; 2] = ["live", "down"];

/// The counters and gauges of a bridge. Cheap to clone; clones are the same counters.
#[derive(Clone, Default)]
pub struct Metrics(Arc<All>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct All {
    /// Held until a text is complete, so that concurrent requests do not mix what they read.
    text: Mutex<Text>,
    servers: Family<Labels<2>, Gauge>,
    registrations: Family<Labels<2>, Counter>,
    datagrams: Family<Labels<2>, Counter>,
    unsent: Family<Labels<1>, Counter>,
    requests: Family<Labels<2>, Counter>,
    lists: Family<Labels<1>, Counter>,
    list_bytes: Family<Labels<1>, Counter>,
    questions: Family<Labels<2>, Counter>,
    open_questions: Family<Labels<1>, Gauge>,
    connections: Family<Labels<1>, Gauge>,
    connections_refused: Family<Labels<2>, Counter>,
    players: Family<Labels<1>, Gauge>,
    followed: Family<Labels<1>, Gauge>,
    left_out: Family<Labels<2>, Counter>,
    bans: Gauge,
    banned: Family<Labels<1>, Counter>,
    saves: Family<Labels<2>, Counter>,
    saved: Family<Labels<1>, Gauge>,
    links: Family<Labels<2>, Gauge>,
    links_made: Family<Labels<1>, Counter>,
    link_failures: Family<Labels<1>, Counter>,
    process: Process,
}

#[derive(Default)]
struct Text {
    /// Made with the first text.
    registry: Option<Registry>,
    protocols: BTreeSet<&'static str>,
}

/// What is read when the metrics are requested.
pub(crate) struct Present<'a> {
    pub(crate) listings: &'a Listings,
    pub(crate) bans: &'a Guard,
    pub(crate) now: SystemTime,
}

impl Metrics {
    /// The counters of the protocol of this name, which all begin with zero.
    pub(crate) fn tally(&self, protocol: &'static str) -> Tally {
        self.lock().protocols.insert(protocol);
        Tally::new(self.clone(), protocol)
    }

    /// Counts a connection for which there was no place because of this setting.
    pub(crate) fn connection_refused(&self, setting: &'static str, replaced: bool) {
        let outcome = if replaced { "replaced" } else { "refused" };
        let labels = [("setting", setting), ("outcome", outcome)];
        self.0.connections_refused.get_or_create(&labels).inc();
    }

    /// Creates the series of [`connection_refused`](Self::connection_refused).
    pub(crate) fn places(&self, setting: &'static str) {
        for outcome in ["refused", "replaced"] {
            let labels = [("setting", setting), ("outcome", outcome)];
            drop(self.0.connections_refused.get_or_create(&labels));
        }
    }

    fn link(&self, purpose: Purpose, state: &'static str) -> Gauge {
        let labels = [("purpose", purpose.name()), ("state", state)];
        self.0.links.get_or_create(&labels).clone()
    }

    fn link_made(&self, purpose: Purpose) {
        let labels = [("purpose", purpose.name())];
        self.0.links_made.get_or_create(&labels).inc();
    }

    fn link_failed(&self, purpose: Purpose) {
        let labels = [("purpose", purpose.name())];
        self.0.link_failures.get_or_create(&labels).inc();
    }

    /// All metrics as text.
    pub(crate) fn text(&self, present: &Present<'_>) -> String {
        let mut text = self.lock();
        self.look(present, &text.protocols);
        let registry = text.registry.get_or_insert_with(|| self.0.registered());
        metrics::text(registry)
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.0.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the metrics that are read.
    fn look(&self, present: &Present<'_>, protocols: &BTreeSet<&'static str>) {
        let all = &self.0;
        all.process.look();
        all.bans.set(number(present.bans.count(present.now)));
        let counts = present.listings.counts();
        for protocol in protocols {
            for (family, name) in AddressFamily::BOTH.into_iter().zip(FAMILIES) {
                let servers = all
                    .servers
                    .get_or_create(&[("protocol", protocol), ("family", name)]);
                let count = counts.get(&(*protocol, family)).copied();
                servers.set(number(count.unwrap_or_default()));
            }
        }
    }
}

impl All {
    fn registered(&self) -> Registry {
        let mut all = Registry::default();
        self.process.register(&mut all);
        let registry = all.sub_registry_with_prefix("metaserve_bridge");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        macro_rules! register {
            ($($name:literal $help:literal $metric:ident;)*) => {
                $(registry.register($name, $help, self.$metric.clone());)*
            };
        }
        register! {
            "servers" "Servers and games that are listed, by protocol and family of their address" servers;
            "registrations" "Servers that want to be listed or to leave, by outcome" registrations;
            "datagrams" "Datagrams that have come, by outcome" datagrams;
            "datagrams_unsent" "Datagrams that there was no room to send" unsent;
            "requests" "Requests over HTTP by the status of the answer" requests;
            "lists" "Lists that were sent to game clients" lists;
            "list_bytes" "Bytes of these lists" list_bytes;
            "questions" "Questions to servers, by outcome" questions;
            "open_questions" "Questions that wait for an answer" open_questions;
            "connections" "Connections of a lobby, or requests in progress" connections;
            "connections_refused" "Connections closed because places ran out, by setting" connections_refused;
            "players" "Players who are logged in" players;
            "followed_servers" "Servers of the daemon's list that are shown to players" followed;
            "left_out" "Servers left out because there are too many" left_out;
            "bans" "Prefixes that are banned now" bans;
            "banned" "Peers refused or disconnected because of a ban" banned;
            "saves" "Attempts to keep a protocol's state for the next run" saves;
            "saved_timestamp_seconds" "When a protocol's state was last kept, in Unix time, or 0" saved;
            "daemon_links" "Connections to daemons that the bridge wants, by state" links;
            "daemon_links_made" "Connections to daemons that were made" links_made;
            "daemon_link_failures" "Connections to daemons that were lost or could not be made" link_failures;
        }
        for purpose in Purpose::ALL {
            let purpose = ("purpose", purpose.name());
            drop(self.links_made.get_or_create(&[purpose]));
            drop(self.link_failures.get_or_create(&[purpose]));
            for state in STATES {
                drop(self.links.get_or_create(&[purpose, ("state", state)]));
            }
        }
        all
    }
}

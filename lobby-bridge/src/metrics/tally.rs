//! The counters of one protocol.

use std::time::SystemTime;

use super::{Datagram, Done, LeftOut, Metrics, Outcome, Question, Status};

/// Counts what happens to one protocol. Cheap to clone; clones count together. It never waits, and
/// nothing depends on what it has counted, so that the pure parts of a protocol count as well.
///
/// The default one counts what nobody reads: for tests, and for programs without metrics.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    metrics: Metrics,
    protocol: &'static str,
}

impl Tally {
    /// Counts for the protocol of this name.
    pub(super) fn new(metrics: Metrics, protocol: &'static str) -> Self {
        let tally = Self { metrics, protocol };
        tally.begin();
        tally
    }

    /// Creates each series with the value zero. A series that first appears with its first event
    /// hides that event from a rate.
    fn begin(&self) {
        for protocol in [self.protocol].map(|it| ("protocol", it)) {
            let all = &self.metrics.0;
            for outcome in Outcome::ALL {
                let labels = [protocol, ("outcome", outcome.name())];
                drop(all.registrations.get_or_create(&labels));
            }
            for outcome in Datagram::ALL {
                drop(
                    all.datagrams
                        .get_or_create(&[protocol, ("outcome", outcome.name())]),
                );
            }
            for outcome in Question::ALL {
                drop(
                    all.questions
                        .get_or_create(&[protocol, ("outcome", outcome.name())]),
                );
            }
            for outcome in Done::ALL {
                drop(
                    all.saves
                        .get_or_create(&[protocol, ("outcome", outcome.name())]),
                );
            }
            for status in Status::ALL {
                drop(
                    all.requests
                        .get_or_create(&[protocol, ("status", status.name())]),
                );
            }
            for what in LeftOut::ALL {
                drop(
                    all.left_out
                        .get_or_create(&[protocol, ("what", what.name())]),
                );
            }
            for family in super::FAMILIES {
                drop(all.servers.get_or_create(&[protocol, ("family", family)]));
            }
            for gauge in [
                &all.connections,
                &all.players,
                &all.open_questions,
                &all.followed,
            ] {
                drop(gauge.get_or_create(&[protocol]));
            }
            for counter in [&all.lists, &all.list_bytes, &all.unsent, &all.banned] {
                drop(counter.get_or_create(&[protocol]));
            }
            drop(all.saved.get_or_create(&[protocol]));
        }
    }

    const fn protocol(&self) -> (&'static str, &'static str) {
        ("protocol", self.protocol)
    }

    /// Counts a server that wants to be listed, or to leave.
    pub(crate) fn registration(&self, outcome: Outcome) {
        let labels = [self.protocol(), ("outcome", outcome.name())];
        self.metrics.0.registrations.get_or_create(&labels).inc();
    }

    /// Counts a datagram that has come.
    pub(crate) fn datagram(&self, outcome: Datagram) {
        let labels = [self.protocol(), ("outcome", outcome.name())];
        self.metrics.0.datagrams.get_or_create(&labels).inc();
        if outcome == Datagram::Banned {
            self.banned();
        }
    }

    /// Counts datagrams that there was no room to send.
    pub(crate) fn unsent(&self, datagrams: u64) {
        let unsent = &self.metrics.0.unsent;
        unsent.get_or_create(&[self.protocol()]).inc_by(datagrams);
    }

    /// Counts a request over HTTP by the status of its answer.
    pub(crate) fn request(&self, status: u16) {
        let labels = [self.protocol(), ("status", Status::of(status).name())];
        self.metrics.0.requests.get_or_create(&labels).inc();
    }

    /// Counts a list that is sent to a client, and its bytes.
    pub(crate) fn list(&self, bytes: usize) {
        let labels = [self.protocol()];
        self.metrics.0.lists.get_or_create(&labels).inc();
        let sent = self.metrics.0.list_bytes.get_or_create(&labels);
        sent.inc_by(bytes as u64);
    }

    /// Counts a question to a server.
    pub(crate) fn question(&self, outcome: Question) {
        let labels = [self.protocol(), ("outcome", outcome.name())];
        self.metrics.0.questions.get_or_create(&labels).inc();
    }

    /// Says how many questions wait for an answer.
    pub(crate) fn open_questions(&self, count: usize) {
        let open = &self.metrics.0.open_questions;
        open.get_or_create(&[self.protocol()]).set(number(count));
    }

    /// Says how many peers the lobby has: connections, or requests in progress.
    pub(crate) fn connections(&self, count: usize) {
        let connections = &self.metrics.0.connections;
        let labels = [self.protocol()];
        connections.get_or_create(&labels).set(number(count));
    }

    /// Says how many players are logged in.
    pub(crate) fn players(&self, count: usize) {
        let players = &self.metrics.0.players;
        players.get_or_create(&[self.protocol()]).set(number(count));
    }

    /// Says how many servers of the daemon's list the protocol shows.
    pub(crate) fn followed(&self, count: usize) {
        let followed = &self.metrics.0.followed;
        followed
            .get_or_create(&[self.protocol()])
            .set(number(count));
    }

    /// Counts a peer that is refused or disconnected because of a ban.
    pub(crate) fn banned(&self) {
        self.metrics
            .0
            .banned
            .get_or_create(&[self.protocol()])
            .inc();
    }

    /// Counts a server that is left out.
    pub(crate) fn left_out(&self, what: LeftOut) {
        let labels = [self.protocol(), ("what", what.name())];
        self.metrics.0.left_out.get_or_create(&labels).inc();
    }

    /// Counts that the protocol's state was kept for the next run, or not, and notes when.
    pub(crate) fn saved(&self, outcome: Done, now: SystemTime) {
        let labels = [self.protocol(), ("outcome", outcome.name())];
        self.metrics.0.saves.get_or_create(&labels).inc();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        if let (Done::Ok, Ok(since)) = (outcome, now) {
            let saved = self.metrics.0.saved.get_or_create(&[self.protocol()]);
            saved.set(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        }
    }

    /// The metrics of the whole bridge.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

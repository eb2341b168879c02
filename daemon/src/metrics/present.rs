//! Values that are not counted as events but read when the metrics are requested.

use super::{Metrics, Way, games};
use crate::rules::{Limit, Rules};
use metaserve::feed::{Feeds, Kind};
use std::{sync::atomic::Ordering, time::SystemTime};

/// What the metrics are read from.
pub(crate) struct Present<'a> {
    pub(crate) feeds: &'a Feeds,
    pub(crate) rules: &'a Rules,
    pub(crate) handshakes: usize,
    /// Servers that wait for a row of the list.
    pub(crate) waiting: usize,
    /// Servers that are announced over HTTP.
    pub(crate) announced: usize,
    /// When the certificate expires; `None` if that cannot be read.
    pub(crate) certificate_ends: Option<SystemTime>,
    pub(crate) now: SystemTime,
}

impl Metrics {
    /// Sets the metrics that are read.
    pub(super) fn look(&self, present: &Present<'_>) {
        self.process.look();
        for way in Way::ALL {
            for kind in Kind::ALL {
                let labels = [("way", way.name()), ("kind", kind.name())];
                let encoded = present.feeds.encoded(way.form(), kind);
                let counter = self.encoded.get_or_create(&labels);
                counter.inner().store(encoded, Ordering::Relaxed);
            }
        }
        self.servers.clear();
        for (game, count) in games::by_game(&present.feeds.of(None)) {
            self.servers.get_or_create(&[("game", game)]).set(count);
        }
        for limit in Limit::ALL {
            let value = limit.value(&present.rules.limits);
            self.limits
                .get_or_create(&[("limit", limit.name())])
                .set(value);
        }
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.bans.set(gauge(present.rules.bans.count(present.now)));
        self.handshakes_under_way.set(gauge(present.handshakes));
        self.waiting.set(gauge(present.waiting));
        self.announces.set(gauge(present.announced));
        let ends = present
            .certificate_ends
            .and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok());
        let ends = ends.and_then(|since| i64::try_from(since.as_secs()).ok());
        self.certificate_ends.set(ends.unwrap_or_default());
    }
}

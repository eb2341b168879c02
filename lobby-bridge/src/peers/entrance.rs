//! Places for connections, shared fairly by address: many connections from a few addresses do not
//! keep others out.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use metaserve::bounds::{self, Origin, Room};
use tokio_util::sync::CancellationToken;

use super::crowd::Crowd;
use crate::metrics::Metrics;

/// A place that is given back when it is dropped.
pub(crate) type Place = bounds::Place<CancellationToken>;

/// See the [module](self). Cheap to clone: clones have the same places.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    places: bounds::Places<CancellationToken>,
    room: Room,
    crowd: Arc<Mutex<Crowd>>,
    metrics: Metrics,
    /// The setting that bounds it.
    setting: &'static str,
}

/// A connection that has a place.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) place: Place,
    /// Cancelled when the place went to a connection from an address with fewer. The connection
    /// must then be closed at once.
    pub(crate) lost: CancellationToken,
}

impl Entrance {
    /// Makes `total` places, of which each host (an IPv4 address or an IPv6 /64) may take
    /// `each_host`.
    pub(crate) fn new(name: &'static str, total: usize, each_host: usize) -> Self {
        Self {
            places: bounds::Places::default(),
            room: Room::new(total, each_host),
            crowd: Arc::new(Mutex::new(Crowd::new(name))),
            metrics: Metrics::default(),
            setting: setting(name),
        }
    }

    /// Counts those for whom there is no place.
    pub(crate) fn counting(self, metrics: &Metrics) -> Self {
        metrics.places(self.setting);
        let metrics = metrics.clone();
        Self { metrics, ..self }
    }

    /// Takes a place for a connection from `peer`. If all places are taken and the address of
    /// `peer` has less than its share, the newest connection of the addresses that have the most
    /// loses its place.
    pub(crate) fn admit(&self, peer: IpAddr, now: Instant) -> Option<Admitted> {
        let lost = CancellationToken::new();
        match self.places.take(Origin::new(peer), self.room, lost.clone()) {
            Ok(bounds::Taken { place, instead_of }) => {
                if let Some(loser) = instead_of {
                    loser.cancel();
                    self.metrics.connection_refused(self.setting, true);
                    self.crowd().replaced(self.room.pool, now);
                }
                Some(Admitted { place, lost })
            }
            Err(why) => {
                tracing::debug!(%peer, "closed at once: {why}");
                self.metrics.connection_refused(self.setting, false);
                self.crowd().refused(self.room.pool, &why.to_string(), now);
                None
            }
        }
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The setting in the name of an entrance, which is in parentheses.
fn setting(name: &'static str) -> &'static str {
    let setting = name.split_once("(--").map(|(_, setting)| setting);
    setting.map_or(name, |it| it.trim_end_matches(')'))
}

/// Runs `served` until it completes or its place is lost. In the second case it is dropped.
pub(crate) async fn unless_lost(served: impl Future<Output = ()>, lost: CancellationToken) {
    if lost.run_until_cancelled(served).await.is_none() {
        tracing::debug!("closed: its place went to an address with fewer connections");
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_makes_room_for_a_newcomer() {
        let (entrance, now) = (Entrance::new("test", 4, 4), Instant::now());
        let admit = |host: &str| entrance.admit(host.parse().unwrap(), now);
        let crowd: Vec<_> = (0..4).map(|_| admit("192.0.2.1").unwrap()).collect();
        assert!(admit("192.0.2.1").is_none());
        let lone = admit("198.51.100.1").unwrap();
        let lost: Vec<bool> = crowd.iter().map(|it| it.lost.is_cancelled()).collect();
        assert_eq!(lost, [false, false, false, true]);
        assert!(!lone.lost.is_cancelled());
    }
}

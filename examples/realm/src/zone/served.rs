//! Which zones this host serves now.

use crate::ids::ZoneId;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::watch;

/// The zones that a host serves, with the epochs of their claims.
#[derive(Debug, Default)]
pub(super) struct Served {
    zones: Mutex<BTreeMap<ZoneId, u64>>,
    tell: watch::Sender<BTreeSet<ZoneId>>,
}

impl Served {
    /// Which these are, from now on.
    pub(super) fn follow(&self) -> watch::Receiver<BTreeSet<ZoneId>> {
        self.tell.subscribe()
    }

    /// The zone is served until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>, zone: ZoneId, epoch: u64) -> Serving {
        self.change(|zones| {
            zones.insert(zone.clone(), epoch);
        });
        let served = self.clone();
        Serving {
            served,
            zone,
            epoch,
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<ZoneId, u64>)) {
        let mut zones = self.zones.lock();
        change(&mut zones);
        self.tell.send_replace(zones.keys().cloned().collect());
    }
}

/// A zone is served.
#[must_use = "the zone is served until this is dropped"]
pub(super) struct Serving {
    served: Arc<Served>,
    zone: ZoneId,
    epoch: u64,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.served.change(|zones| {
            // It may be served again by now, with a later claim.
            if zones.get(&self.zone) == Some(&self.epoch) {
                zones.remove(&self.zone);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_served_again_stays_when_the_earlier_claim_ends() {
        let served = Arc::new(Served::default());
        let (zone, follow): (ZoneId, _) = ("shared/meadow".parse().unwrap(), served.follow());
        let earlier = served.enter(zone.clone(), 1);
        let later = served.enter(zone.clone(), 2);
        drop(earlier);
        assert!(follow.borrow().contains(&zone));
        drop(later);
        assert!(follow.borrow().is_empty());
    }
}

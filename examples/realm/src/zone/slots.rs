//! How many zones a host has.

use crate::ids::ZoneId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for zones. Those of single characters may take three of four at most: each account can
/// have several of them started, and what everybody shares has a place all the same.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    all: Arc<Semaphore>,
    solo: Arc<Semaphore>,
}

/// The place of a zone, until this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _all: OwnedSemaphorePermit,
    _solo: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        let places = |count: u32| Arc::new(Semaphore::new(count as usize));
        Self {
            all: places(count),
            solo: places(count - count / 4),
        }
    }

    /// A place for this zone, if there is one.
    pub(super) fn take(&self, zone: &ZoneId) -> Option<Slot> {
        let solo = match zone {
            ZoneId::Solo(..) => Some(self.solo.clone().try_acquire_owned().ok()?),
            ZoneId::Shared(_) => None,
        };
        Some(Slot {
            _all: self.all.clone().try_acquire_owned().ok()?,
            _solo: solo,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solo_zones_leave_a_quarter_of_the_places_to_shared_ones() {
        let slots = Slots::new(4);
        let (solo, shared) = ("solo/garden/ann", "shared/meadow");
        let (solo, shared): (ZoneId, ZoneId) = (solo.parse().unwrap(), shared.parse().unwrap());
        let mut held: Vec<_> = (0..3).map(|_| slots.take(&solo).unwrap()).collect();
        assert!(slots.take(&solo).is_none());
        let last = slots.take(&shared).unwrap();
        assert!(slots.take(&shared).is_none());
        held.pop();
        assert!(slots.take(&solo).is_some());
        drop(last);
        assert!(Slots::new(1).take(&solo).is_some());
    }
}

//! A bounded number of slots of one kind, wherever they are taken. Drop guards count them, so that
//! none is leaked on any path. Places shared by address are `metaserve::bounds::Places`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Slots of one kind. The bound is passed with each call, since it may change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<AtomicUsize>);

/// One slot, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    /// Takes a slot if fewer than `most` are taken.
    pub(crate) fn take(&self, most: usize) -> Option<Slot> {
        let more = |taken| (taken < most).then_some(taken + 1);
        let took = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        took.is_ok().then(|| Slot(self.0.clone()))
    }

    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = Slots::default();
        let first = slots.take(1).unwrap();
        assert!(slots.take(1).is_none());
        // The bound may change in the meantime.
        let _second = slots.take(2).unwrap();
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(slots.take(1).is_none());
    }
}

//! The order of changes.

use super::{Claim, Clock};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A point in the history of the list: the number of the last change it contains. Later is
/// greater. Comparable within one epoch only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// Gives each change its revision, across all feeds of a registry, so that a new feed never repeats
/// a revision of an earlier feed of the same game.
#[derive(Debug)]
pub(crate) enum Revisions {
    /// By counting them.
    Counted(AtomicU64),
    /// In a cluster: drawn as claims, so that no two members have the same.
    Drawn(Arc<Clock>),
}

impl Default for Revisions {
    fn default() -> Self {
        Self::Counted(AtomicU64::new(0))
    }
}

impl Revisions {
    /// The revision of the last change, or a later one that no change has.
    pub(crate) fn now(&self) -> Revision {
        match self {
            Self::Counted(last) => Revision(last.load(Ordering::Relaxed)),
            Self::Drawn(clock) => Revision(clock.claim().0),
        }
    }

    /// Where a list that is empty begins: nothing is drawn for it, and all that is drawn later is
    /// later.
    pub(crate) fn last(&self) -> Revision {
        match self {
            Self::Counted(_) => self.now(),
            Self::Drawn(clock) => Revision(Claim::new(clock.now(), clock.tag()).0),
        }
    }

    /// Revisions for this many changes at most. In a cluster they are drawn now: earlier than all
    /// that is drawn after this call.
    pub(crate) fn draw(&self, most: usize) -> impl FnMut() -> Revision {
        let mut drawn = match self {
            Self::Counted(_) => None,
            Self::Drawn(clock) => Some(clock.claims(most)),
        };
        move || match (self, &mut drawn) {
            (Self::Counted(last), _) => Revision(last.fetch_add(1, Ordering::Relaxed) + 1),
            (Self::Drawn(clock), drawn) => {
                let next = drawn.as_mut().and_then(Iterator::next);
                Revision(next.unwrap_or_else(|| clock.claim()).0)
            }
        }
    }
}

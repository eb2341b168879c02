//! The order of changes.

use std::sync::atomic::{AtomicU64, Ordering};

/// A point in the history of the list: the number of the last change it contains. Later is
/// greater. Comparable within one epoch only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// Gives each change its revision, across all feeds of a registry, so that a new feed never repeats
/// a revision of an earlier feed of the same game.
#[derive(Debug, Default)]
pub(crate) struct Revisions(AtomicU64);

impl Revisions {
    /// The revision of the next change.
    pub(crate) fn advance(&self) -> Revision {
        Revision(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The revision of the last change.
    pub(crate) fn now(&self) -> Revision {
        Revision(self.0.load(Ordering::Relaxed))
    }
}

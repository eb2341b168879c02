//! Where a program is in a list and in its changes, between two calls.

/// The kinds of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Change {
    /// `MS_ADDED`
    Added = 1,
    /// `MS_UPDATED`
    Updated = 2,
    /// `MS_REMOVED`
    Removed = 3,
}

/// Two walks: through a list, and through what has changed in it.
#[derive(Debug)]
pub(crate) struct Walk<Id> {
    /// All of the list, in order; empty until the first step.
    all: Vec<Id>,
    at: usize,
    changes: Vec<(Change, Id)>,
    next_change: usize,
}

impl<Id> Default for Walk<Id> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            at: 0,
            changes: Vec::new(),
            next_change: 0,
        }
    }
}

impl<Id: Clone> Walk<Id> {
    /// There is another list. Both walks begin again; what they need is kept for the next list.
    pub(crate) fn begin(&mut self, changes: impl IntoIterator<Item = (Change, Id)>) {
        self.all.clear();
        self.at = 0;
        self.changes.clear();
        self.changes.extend(changes);
        self.next_change = 0;
    }

    pub(crate) fn rewind(&mut self) {
        self.at = 0;
    }

    /// The next one of the list, which `ids` has all of.
    pub(crate) fn next<I: Iterator<Item = Id>>(&mut self, ids: impl FnOnce() -> I) -> Option<Id> {
        if self.all.is_empty() {
            self.all.extend(ids());
        }
        let next = self.all.get(self.at)?.clone();
        self.at += 1;
        Some(next)
    }

    pub(crate) fn next_change(&mut self) -> Option<(Change, Id)> {
        let next = self.changes.get(self.next_change)?.clone();
        self.next_change += 1;
        Some(next)
    }
}

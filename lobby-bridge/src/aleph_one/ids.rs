//! Ids of users and games (`docs/specifications/myth-metaserver.md`, section 11). They count
//! upwards, and skip ids in use.

use std::collections::HashSet;

const FIRST_AFTER_WRAP: u32 = 10_000;
const LAST: u32 = 60_000;

/// How many ids there are.
pub(super) const IDS: usize = (LAST - FIRST_AFTER_WRAP + 1) as usize;

/// The ids in use.
#[derive(Debug)]
pub(super) struct Ids {
    next: u32,
    taken: HashSet<u32>,
}

impl Ids {
    /// Makes a set of ids whose first is `first`.
    pub(super) fn from(first: u32) -> Self {
        let taken = HashSet::new();
        Self { next: first, taken }
    }

    /// Takes an id that is not in use; `None` if all are.
    pub(super) fn take(&mut self) -> Option<u32> {
        if self.taken.len() >= IDS {
            return None;
        }
        loop {
            let id = self.next;
            self.next = if id >= LAST { FIRST_AFTER_WRAP } else { id + 1 };
            if self.taken.insert(id) {
                return Some(id);
            }
        }
    }

    /// Marks an id as not in use.
    pub(super) fn give_back(&mut self, id: u32) {
        self.taken.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_wrap_around_and_skip_those_in_use() {
        let mut ids = Ids::from(59_999);
        let first: Vec<_> = (0..4).map(|_| ids.take().unwrap()).collect();
        assert_eq!(first, [59_999, 60_000, 10_000, 10_001]);
        for _ in 4..IDS {
            assert!(ids.take().is_some());
        }
        assert_eq!(ids.take(), None, "it does not search forever");
        ids.give_back(12_345);
        assert_eq!(ids.take(), Some(12_345));
    }
}

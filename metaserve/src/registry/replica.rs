//! What another member of the cluster states, as part of this registry.

use super::Registry;
use crate::list::{MemberRun, Stated};
use bytes::Bytes;
use std::{collections::HashSet, sync::Arc};

/// The servers that one run of another member states. Dropping it removes them from the list, all
/// at once.
#[must_use = "dropping it removes the member's servers from the list"]
pub struct Replica {
    _registry: Arc<Registry>,
    numbers: HashSet<u64>,
}

impl Registry {
    /// Begins to follow what a run of another member states: nothing yet.
    pub fn replica(self: &Arc<Self>, _whose: Arc<MemberRun>) -> Replica {
        Replica {
            _registry: self.clone(),
            numbers: HashSet::new(),
        }
    }
}

impl Replica {
    /// All that the member states: servers that are not among them leave the list.
    pub fn snapshot(&mut self, all: Vec<Stated>) {
        self.numbers = all.iter().map(|stated| stated.number).collect();
    }

    /// What has changed since: servers that have left the member, those that are new or elsewhere
    /// now, and heartbeats by the member's numbers. A number that it has not stated is ignored.
    pub fn delta(&mut self, removed: &[u64], listed: Vec<Stated>, _updated: Vec<(u64, Bytes)>) {
        for number in removed {
            self.numbers.remove(number);
        }
        self.numbers
            .extend(listed.iter().map(|stated| stated.number));
    }

    /// Removes the servers whose numbers are not to be kept: the end of a snapshot that was applied
    /// in parts, with [`delta`](Self::delta).
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        let gone: Vec<u64> = self
            .numbers
            .iter()
            .copied()
            .filter(|it| !keep(*it))
            .collect();
        self.delta(&gone, Vec::new(), Vec::new());
    }

    /// All that the member states, whether shown or not, for another member that asks who else
    /// remembers it.
    #[must_use]
    pub fn stated(&self) -> Vec<Stated> {
        Vec::new()
    }

    /// The number of servers that the member states, whether shown or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it states none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether servers of the member were left out for want of room, and there is room now: then
    /// the next [`snapshot`](Self::snapshot) brings them in.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        false
    }
}

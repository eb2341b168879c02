//! What another member of the cluster states, as part of this registry.

use super::{
    Registry,
    merged::{Merged, Of},
};
use crate::{
    list::{MemberRun, Origin, Placement, Stated},
    time::wall_clock,
};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
    time::SystemTime,
};

/// The servers that one run of another member states. Dropping it removes them from the list, all
/// in one frame.
#[must_use = "dropping it removes the member's servers from the list"]
pub struct Replica {
    registry: Arc<Registry>,
    origin: Origin,
    /// By the member's numbers.
    taken: HashMap<u64, Arc<Placement>>,
    /// Numbers of servers for which there was no room.
    left_out: HashSet<u64>,
}

impl Registry {
    /// Begins to follow what a run of another member states: nothing yet. One at a time is meant
    /// to follow the same run.
    ///
    /// # Panics
    /// When the registry is not [`clustered`](Self::clustered).
    pub fn replica(self: &Arc<Self>, whose: Arc<MemberRun>) -> Replica {
        self.merged();
        Replica {
            registry: self.clone(),
            origin: Origin::Member(whose),
            taken: HashMap::new(),
            left_out: HashSet::new(),
        }
    }
}

impl Replica {
    /// All that the member states: servers that are not among them leave the list. Clients are
    /// shown all changes in one frame.
    pub fn snapshot(&mut self, all: Vec<Stated>) {
        let stated: HashSet<_> = all.iter().map(|server| server.number).collect();
        let known = self.taken.keys().chain(&self.left_out).copied();
        let gone: Vec<_> = known.filter(|number| !stated.contains(number)).collect();
        self.delta(&gone, all, Vec::new());
    }

    /// What has changed since: servers that have left the member, those that are new or elsewhere
    /// now, and heartbeats by the member's numbers. A number that it has not stated is ignored.
    /// Clients are shown all changes in one frame.
    pub fn delta(&mut self, removed: &[u64], mut listed: Vec<Stated>, updated: Vec<(u64, Bytes)>) {
        // The newest are left out if there is not enough room.
        listed.sort_by_key(|server| server.claims.greatest());
        let (registry, now) = (self.registry.clone(), wall_clock());
        let merged = registry.merged();
        merged.together(|| {
            for number in removed {
                self.retract(*number, merged);
            }
            for server in listed {
                self.state(server, now, merged);
            }
            for (number, heartbeat) in updated {
                let Some(placement) = self.taken.get(&number) else {
                    continue;
                };
                merged.heartbeat(self.of(number), placement, heartbeat, now);
            }
        });
    }

    fn of(&self, number: u64) -> Of<'_> {
        let origin = &self.origin;
        Of { origin, number }
    }

    fn state(&mut self, stated: Stated, now: SystemTime, merged: &Merged) {
        let number = stated.number;
        let server = stated.into_server(self.origin.clone(), now);
        let stamp = server.placement.claims.greatest().stamp();
        if self.registry.clock().witness(stamp).is_err() {
            // It would win against every claim of those that are connected here.
            return self.retract(number, merged);
        }
        let known = self.taken.get(&number);
        if known.is_some_and(|known| !known.is_in_row_of(&server.placement)) {
            self.retract(number, merged);
        }
        let placement = server.placement.clone();
        let new = !self.taken.contains_key(&number);
        if merged.state(server, new) {
            self.taken.insert(number, placement);
            self.forget_left_out(number, merged);
        } else if self.left_out.insert(number) {
            merged.left_out(1);
        }
    }

    fn retract(&mut self, number: u64, merged: &Merged) {
        if let Some(placement) = self.taken.remove(&number) {
            merged.retract(self.of(number), &placement);
        }
        self.forget_left_out(number, merged);
    }

    fn forget_left_out(&mut self, number: u64, merged: &Merged) {
        if self.left_out.remove(&number) {
            merged.left_out(-1);
        }
    }

    /// Removes the servers whose numbers are not to be kept: the end of a snapshot that was applied
    /// in parts, with [`delta`](Self::delta).
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        let known = self.taken.keys().chain(&self.left_out).copied();
        let gone: Vec<_> = known.filter(|number| !keep(*number)).collect();
        self.delta(&gone, Vec::new(), Vec::new());
    }

    /// All that the member states, whether shown or not, for another member that asks who else
    /// remembers it. What was left out for want of room is not among it.
    #[must_use]
    pub fn stated(&self) -> Vec<Stated> {
        let merged = self.registry.merged();
        let stated = |(number, placement): (&u64, &Arc<Placement>)| {
            Some(merged.stated(self.of(*number), placement)?.into())
        };
        self.taken.iter().filter_map(stated).collect()
    }

    /// The number of servers that the member states, whether shown or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken.len() + self.left_out.len()
    }

    /// Whether it states none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether servers of the member were left out for want of room, and there is room now: then
    /// the next [`snapshot`](Self::snapshot) brings them in. They are not kept meanwhile, so that
    /// the limit bounds memory as well.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        !self.left_out.is_empty() && self.registry.merged().has_room()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let taken = mem::take(&mut self.taken);
        let merged = self.registry.merged();
        merged.together(|| {
            for (number, placement) in &taken {
                merged.retract(self.of(*number), placement);
            }
        });
        merged.left_out(-(self.left_out.len() as isize));
    }
}

//! What another member of the cluster states, as part of this registry.

use super::{
    Registry, Together,
    merged::{Merged, Of, Said},
};
use crate::{
    list::{MemberRun, Origin, Placement, Stamp, Stated},
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
    whose: Arc<MemberRun>,
    origin: Origin,
    /// When it was begun.
    joined: Stamp,
    /// By the member's numbers.
    taken: HashMap<u64, Arc<Placement>>,
    /// How often there was no room for a server since everything was stated anew. They are not kept,
    /// so that the limit bounds memory as well: a number that is removed may be one of them.
    left_out: usize,
}

impl Registry {
    /// Begins to follow what a run of another member states: nothing yet. One at a time is meant
    /// to follow the same run.
    ///
    /// # Panics
    /// When the registry is not [`clustered`](Self::clustered).
    pub fn replica(self: &Arc<Self>, whose: Arc<MemberRun>) -> Replica {
        Replica {
            registry: self.clone(),
            joined: self.merged().join(&whose),
            origin: Origin::Member(whose.clone()),
            whose,
            taken: HashMap::new(),
            left_out: 0,
        }
    }
}

impl Replica {
    /// All that the member states: servers that are not among them leave the list. Clients are
    /// shown all changes in one frame.
    pub fn snapshot(&mut self, all: Vec<Stated>) {
        let mut gone = self.numbers();
        for server in &all {
            gone.remove(&server.number);
        }
        self.begin_anew();
        self.delta(&Vec::from_iter(gone), all, Vec::new());
    }

    /// The member's numbers of the servers that were taken in.
    #[must_use]
    pub fn numbers(&self) -> HashSet<u64> {
        self.taken.keys().copied().collect()
    }

    /// A [`snapshot`](Self::snapshot) comes in parts, with [`delta`](Self::delta), and those that
    /// are not in it are removed before: servers that are left out are counted anew.
    pub fn begin_anew(&mut self) {
        let merged = self.registry.merged();
        merged.forget_left_out(self.left_out);
        self.left_out = 0;
        // More may have happened than it says.
        merged.doubt(self.joined);
    }

    /// Shows clients the changes that are made until the guard is dropped, here and elsewhere, in
    /// one frame. For changes in several parts; as long as they take, clients wait. None if clients
    /// wait already: it is to be asked for again soon.
    pub fn together(&self) -> Option<Together> {
        self.registry.merged().begin_long()
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
            let mut all_new = true;
            for number in removed {
                all_new &= self.retract(*number, merged);
            }
            for server in listed {
                all_new &= self.state(server, now, merged);
            }
            for (number, heartbeat) in updated {
                all_new &= self.heartbeat(number, heartbeat, now, merged);
            }
            if !all_new {
                // There was something else in between, which other members may have shown.
                merged.doubt(self.joined);
            }
        });
    }

    fn of(&self, number: u64) -> Of<'_> {
        let origin = &self.origin;
        Of { origin, number }
    }

    /// Returns whether it was new, and there was room for it.
    fn state(&mut self, mut stated: Stated, now: SystemTime, merged: &Merged) -> bool {
        let number = stated.number;
        stated.game = merged.share(stated.game);
        let server = stated.into_server(self.origin.clone(), now);
        let stamp = server.placement.claims.greatest().stamp();
        if self.registry.clock().witness(stamp).is_err() {
            // It would win against every claim of those that are connected here.
            self.retract(number, merged);
            return false;
        }
        let known = self.taken.get(&number);
        if known.is_some_and(|known| !known.is_in_row_of(&server.placement)) {
            self.retract(number, merged);
        }
        let placement = server.placement.clone();
        let new = !self.taken.contains_key(&number);
        let Some(said) = merged.state(server, new) else {
            self.left_out += 1;
            merged.leave_out();
            return false;
        };
        self.taken.insert(number, placement);
        said != Said::Nothing
    }

    /// Returns whether it was new.
    fn heartbeat(&self, number: u64, heartbeat: Bytes, now: SystemTime, merged: &Merged) -> bool {
        let placement = self.taken.get(&number);
        let said =
            placement.map(|placement| merged.heartbeat(self.of(number), placement, heartbeat, now));
        said.is_some_and(|said| said != Said::Nothing)
    }

    /// Returns whether it was there.
    fn retract(&mut self, number: u64, merged: &Merged) -> bool {
        let taken = self.taken.remove(&number);
        if let Some(placement) = &taken {
            merged.retract(self.of(number), placement);
        }
        taken.is_some()
    }

    /// All that was taken in of what the member states, whether shown or not, for another member that
    /// asks who else remembers it.
    #[must_use]
    pub fn stated(&self) -> Vec<Stated> {
        let merged = self.registry.merged();
        let stated = |(number, placement): (&u64, &Arc<Placement>)| {
            Some(merged.stated(self.of(*number), placement)?.into())
        };
        self.taken.iter().filter_map(stated).collect()
    }

    /// The number of servers of the member that were taken in, whether shown or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Whether servers of the member were left out for want of room.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.left_out > 0
    }

    /// Whether servers of the member were left out, and there is room now: then the next
    /// [`snapshot`](Self::snapshot) brings them in.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.is_incomplete() && self.registry.merged().has_room()
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
            merged.forget_left_out(self.left_out);
            merged.leave(&self.whose);
        });
    }
}

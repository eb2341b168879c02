//! What a feed remembers, pure: the list as of the last tick, and the way it came to be.

use crate::{
    bounds::{Order, Position},
    list::{Change, Readers, Revision, Server},
};
use std::collections::{HashMap, HashSet, VecDeque};

/// What changed from one revision to another; of several changes to one server, the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The revision that it builds on.
    pub from: Revision,
    /// The revision of the list that has these changes.
    pub to: Revision,
    /// Servers that are gone. One that came and went in between may be among them.
    pub removed: Vec<u64>,
    /// Servers that are new, or whose address has changed.
    pub placed: Vec<Server>,
    /// Servers of which only the heartbeat has changed.
    pub updated: Vec<Server>,
}

/// The list with its recent past.
///
/// The past goes back as far as it saves traffic: for a client that has missed more than two events
/// per server, a snapshot costs no more than a delta. So two events per server are kept, and at
/// least [`FEW_EVENTS`], so that removals from a small list are remembered. A client whose list is
/// older than the oldest kept event, the *horizon*, gets a snapshot.
#[derive(Debug)]
pub(super) struct History {
    readers: Readers,
    servers: HashMap<u64, Known>,
    order: Order,
    events: VecDeque<Event>,
    revision: Revision,
    horizon: Revision,
    /// About what a snapshot's bytes are.
    snapshot_bytes: usize,
}

#[derive(Debug)]
struct Known {
    server: Server,
    /// Its last change.
    changed: Revision,
    /// The last change that was more than a heartbeat.
    placed: Revision,
}

#[derive(Debug)]
struct Event {
    revision: Revision,
    number: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Listed,
    Gone,
    /// Nothing has changed here, but other members may have shown it otherwise.
    Touched,
}

const FEW_EVENTS: usize = 1024;

/// About what an entry costs besides its heartbeat, in bytes: to weigh a delta against a snapshot.
const PLACED_BYTES: usize = 32;
const UPDATED_BYTES: usize = 5;
const REMOVED_BYTES: usize = 3;

impl History {
    /// An empty list whose history begins at `revision`.
    pub(super) fn new(readers: Readers, revision: Revision) -> Self {
        Self {
            readers,
            servers: HashMap::new(),
            order: Order::default(),
            events: VecDeque::new(),
            revision,
            horizon: revision,
            snapshot_bytes: 0,
        }
    }

    /// The last change that the list contains.
    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn servers(&self) -> impl ExactSizeIterator<Item = &Server> {
        self.servers.values().map(|known| &known.server)
    }

    /// The servers after a position, or all, in fair order.
    pub(super) fn in_order(
        &self,
        after: Option<Position>,
    ) -> impl Iterator<Item = (Position, &Server)> {
        let known = |position: Position| Some((position, self.servers.get(&position.number())?));
        let servers = self.order.after(after).filter_map(known);
        servers.map(|(position, known)| (position, &known.server))
    }

    /// Takes in what happened since the last tick. Others may have shown those that were `touched`
    /// otherwise since then. `next` gives each change its revision.
    pub(super) fn apply(
        &mut self,
        changes: impl IntoIterator<Item = (u64, Change)>,
        mut touched: HashSet<u64>,
        mut next: impl FnMut() -> Revision,
    ) {
        for (number, change) in changes {
            // Outside of a cluster nothing is, and not to ask saves a hash for each change.
            let touched = !touched.is_empty() && touched.remove(&number);
            let changed = self.change(number, change, &mut next);
            if !changed && touched {
                self.touch(number, next());
            }
        }
        for number in touched {
            self.touch(number, next());
        }
        self.forget();
    }

    /// Returns whether it is a change to those who read the list.
    fn change(&mut self, number: u64, change: Change, next: &mut impl FnMut() -> Revision) -> bool {
        let (before, what) = match change {
            Change::Listed(server) => {
                // Changed and changed back between two ticks; or at another member of the
                // cluster now, which is no change to clients.
                if let Some(known) = self.servers.get_mut(&number)
                    && known.server.looks_like(&server, self.readers)
                {
                    known.server.origin = server.origin;
                    return false;
                }
                let changed = next();
                self.revision = changed;
                self.snapshot_bytes += PLACED_BYTES + server.heartbeat.len();
                (self.list(number, server, changed), What::Listed)
            }
            Change::Gone => {
                // A server that came and went between two ticks was never shown.
                let Some(before) = self.servers.remove(&number) else {
                    return false;
                };
                self.order.remove(number);
                self.revision = next();
                (Some(before.server), What::Gone)
            }
        };
        if let Some(before) = before {
            self.snapshot_bytes -= PLACED_BYTES + before.heartbeat.len();
        }
        self.remember(number, what);
        true
    }

    /// Others may have shown a server otherwise that is as before here. Clients that follow this
    /// list have nothing to be told of that; members are told again what it is.
    fn touch(&mut self, number: u64, revision: Revision) {
        self.revision = revision;
        let what = match (self.readers, self.servers.get_mut(&number)) {
            (Readers::Clients, _) => What::Touched,
            (Readers::Members, None) => What::Gone,
            (Readers::Members, Some(known)) => {
                known.changed = revision;
                What::Listed
            }
        };
        self.remember(number, what);
    }

    fn remember(&mut self, number: u64, what: What) {
        let revision = self.revision;
        self.events.push_back(Event {
            revision,
            number,
            what,
        });
    }

    fn list(&mut self, number: u64, server: Server, changed: Revision) -> Option<Server> {
        let before = self.servers.remove(&number);
        let same_place = |known: &Known| known.server.is_placed_like(&server, self.readers);
        let placed = match &before {
            Some(known) if same_place(known) => known.placed,
            _ => changed,
        };
        self.order.put(number, server.placement.address.ip());
        self.servers.insert(
            number,
            Known {
                server,
                changed,
                placed,
            },
        );
        before.map(|known| known.server)
    }

    fn forget(&mut self) {
        let keep = FEW_EVENTS.max(2 * self.servers.len());
        while self.events.len() > keep {
            if let Some(oldest) = self.events.pop_front() {
                self.horizon = oldest.revision;
            }
        }
    }

    /// What to tell a client that knows `given` of another member of the cluster, when all is
    /// different at most that was touched after `from` or is `pending`. None when that is beyond
    /// the horizon, or when a snapshot is shorter.
    pub(super) fn since_elsewhere(
        &self,
        given: Revision,
        from: Revision,
        pending: impl Iterator<Item = u64>,
    ) -> Option<Delta> {
        if from < self.horizon {
            return None;
        }
        let first = self.events.partition_point(|event| event.revision <= from);
        let touched = self.events.range(first..).map(|event| event.number);
        let mut delta = Delta {
            from: given,
            to: self.revision,
            ..Delta::default()
        };
        let mut bytes = 0;
        let mut told = HashSet::new();
        for number in touched.chain(pending) {
            if !told.insert(number) {
                continue;
            }
            if let Some(known) = self.servers.get(&number) {
                bytes += PLACED_BYTES + known.server.heartbeat.len();
                delta.placed.push(known.server.clone());
            } else {
                bytes += REMOVED_BYTES;
                delta.removed.push(number);
            }
            if bytes > self.snapshot_bytes {
                return None;
            }
        }
        Some(delta)
    }

    /// Goes on to a revision that has no change.
    pub(super) fn advance(&mut self, revision: Revision) {
        self.revision = revision;
    }

    /// What changed after `from`; none when that is beyond the horizon, or when a snapshot is
    /// shorter. Members are told what has changed in any case: they have no use for a snapshot that
    /// they did not ask for.
    pub(super) fn since(&self, from: Revision) -> Option<Delta> {
        if from < self.horizon || from > self.revision {
            return None;
        }
        let mut delta = Delta {
            from,
            to: self.revision,
            ..Delta::default()
        };
        let mut bytes = 0;
        let first = self.events.partition_point(|event| event.revision <= from);
        for event in self.events.range(first..) {
            if event.what == What::Gone {
                delta.removed.push(event.number);
                bytes += REMOVED_BYTES;
            } else if event.what == What::Listed
                && let Some(known) = self.servers.get(&event.number)
                && known.changed == event.revision
            {
                let server = known.server.clone();
                bytes += server.heartbeat.len();
                if known.placed > from {
                    delta.placed.push(server);
                    bytes += PLACED_BYTES;
                } else {
                    delta.updated.push(server);
                    bytes += UPDATED_BYTES;
                }
            }
            if bytes > self.snapshot_bytes && self.readers == Readers::Clients {
                return None;
            }
        }
        Some(delta)
    }
}

#[cfg(test)]
mod tests;

//! Max-min fair shares of places, by prefix. Pure.
//!
//! ```text
//!            all: 8,000 places
//!           ╱          |      ╲
//!   10.1.0.0/16   10.2.0.0/16   2001:db8::/32     branches, each with its sum
//!      |             ╱    ╲
//!  10.1.7.0/24  10.2.1.0/24  10.2.9.0/24
//!      |             |            |
//!   10.1.7.7     10.2.1.3      10.2.9.4           leaves, each with its connections by age
//! ```
//!
//! While there is room, everybody is admitted. When all places are taken, a newcomer is compared
//! with the heaviest branch beside its own, from the root down. If that branch has at least two
//! connections more, the newest connection of its heaviest leaf loses its place, and the two
//! branches are closer to each other than before. If not, the newcomer's own branch already has
//! its fair share, and the search continues within that branch. If it reaches the newcomer's leaf,
//! the newcomer is refused.
//!
//! So branches never swap the same place back and forth, and the final share of a branch does not
//! depend on the order in which its connections came: it is the *max-min fair* share. All branches
//! get what they ask for, except that the largest are cut to one common size (give or take one,
//! since a place cannot be divided).

use super::origin::{Origin, Prefix};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All holders of places, as a tree of prefixes. `T` is a value that the caller keeps for each
/// holder.
///
/// An admission or a loss takes one step for each level of the tree (three for IPv4, four for
/// IPv6), and each step a lookup in a sorted set of neighbours. Memory is used only for prefixes
/// that have connections: about 1 KB for a connection that shares no prefix with another.
///
/// ```
/// use metaserve::bounds::{Admitted, Fair, Origin, Refused};
///
/// let greedy = Origin::new("192.0.2.1".parse()?);
/// let other = Origin::new("198.51.100.1".parse()?);
/// let mut places = Fair::default();
///
/// // Two places in all, and two for each address.
/// assert!(places.admit(greedy, 2, 2, "first").is_ok());
/// assert!(places.admit(greedy, 2, 2, "second").is_ok());
/// assert!(matches!(places.admit(greedy, 2, 2, "third"), Err(Refused::Leaf(..))));
///
/// // An address with none takes the newest place of the one with most.
/// let admitted = places.admit(other, 2, 2, "newcomer");
/// assert!(matches!(admitted, Ok(Admitted::InsteadOf { payload: "second", .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fair<T> {
    root: Branch,
    branches: HashMap<Prefix, Branch>,
    leaves: HashMap<Prefix, BTreeMap<u64, T>>,
    last: u64,
}

/// The number of connections below, and the branches or leaves there, sorted by their own sums.
#[derive(Debug, Default)]
struct Branch {
    sum: usize,
    below: BTreeSet<(usize, Prefix)>,
}

/// The name of one place of one [`Fair`]. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    origin: Origin,
    /// Numbered in the order of admission: a lower number is older.
    number: u64,
}

impl Id {
    /// The origin that it counts for.
    #[must_use]
    pub const fn origin(self) -> Origin {
        self.origin
    }
}

/// How a newcomer was admitted.
#[derive(Debug, PartialEq, Eq)]
pub enum Admitted<T> {
    /// A place was free.
    AtOnce(Id),
    /// Another connection has lost its place to the newcomer.
    InsteadOf {
        /// The place of the newcomer.
        id: Id,
        /// The place of the victim, which is already released.
        victim: Id,
        /// The value that the caller has kept for the victim.
        payload: T,
    },
}

/// Why a newcomer gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Its leaf already has as many places as one leaf may have.
    #[error("{1} already has {0} places, the maximum for one address")]
    Leaf(usize, Prefix),
    /// All places are taken, and the prefixes of the newcomer have their fair share.
    #[error("all {0} places are taken, and {1} has its fair share of them")]
    Full(usize, Prefix),
    /// All places of several pools [together](super::Room::together) are taken, and the prefixes
    /// of the newcomer have their fair share of those in its own pool.
    #[error("all {0} places of all kinds are taken, and {1} has its fair share of them")]
    Together(usize, Prefix),
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self {
            root: Branch::default(),
            branches: HashMap::new(),
            leaves: HashMap::new(),
            last: 0,
        }
    }
}

impl<T> Fair<T> {
    /// Gives a newcomer one of `total` places, of which its leaf may have `each_leaf`. Both may
    /// differ from the last call: existing connections stay, and the number does not grow above
    /// the bound.
    ///
    /// # Errors
    /// Why there is no place. Nothing has changed in that case.
    pub fn admit(
        &mut self,
        origin: Origin,
        total: usize,
        each_leaf: usize,
        payload: T,
    ) -> Result<Admitted<T>, Refused> {
        let loser = self.judge(origin, total, each_leaf)?;
        let lost = loser.and_then(|leaf| self.lose_newest(leaf));
        self.last += 1;
        let number = self.last;
        let id = Id { origin, number };
        self.insert(id, payload);
        Ok(match lost {
            None => Admitted::AtOnce(id),
            Some((victim, payload)) => Admitted::InsteadOf {
                id,
                victim,
                payload,
            },
        })
    }

    /// What [`admit`](Self::admit) would do: `None` if a place is free, or the leaf that would
    /// lose its newest connection.
    ///
    /// # Errors
    /// As `admit`.
    pub fn judge(
        &self,
        origin: Origin,
        total: usize,
        each_leaf: usize,
    ) -> Result<Option<Prefix>, Refused> {
        let leaf = origin.leaf();
        if self.at_leaf(leaf) >= each_leaf {
            return Err(Refused::Leaf(each_leaf, leaf));
        }
        if self.len() < total {
            return Ok(None);
        }
        let loser = self.heavier_than(origin);
        loser.map(Some).ok_or(Refused::Full(total, leaf))
    }

    /// Gives a place back. Returns `None` if it was lost before.
    pub fn release(&mut self, id: Id) -> Option<T> {
        self.take_out(id)
    }

    /// Counts a place at another address, to which its holder has moved. The place keeps its age.
    /// Returns its new name.
    ///
    /// # Errors
    /// When the leaf there is full, or this place was lost before (`Full`). The place does not
    /// move.
    pub fn move_to(&mut self, id: Id, origin: Origin, each_leaf: usize) -> Result<Id, Refused> {
        let leaf = origin.leaf();
        if leaf == id.origin.leaf() {
            return Ok(id);
        }
        if self.at_leaf(leaf) >= each_leaf {
            return Err(Refused::Leaf(each_leaf, leaf));
        }
        let payload = self.take_out(id);
        let payload = payload.ok_or(Refused::Full(self.len(), leaf))?;
        let id = Id { origin, ..id };
        self.insert(id, payload);
        Ok(id)
    }

    /// The number of places taken.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.root.sum
    }

    /// Whether no place is taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.root.sum == 0
    }

    /// The number of places of a leaf.
    #[must_use]
    pub fn at_leaf(&self, leaf: Prefix) -> usize {
        self.leaves.get(&leaf).map_or(0, BTreeMap::len)
    }

    /// The number of prefixes in use, leaves and branches together. Memory grows with it.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.branches.len() + self.leaves.len()
    }

    /// The leaf that must lose a connection so that `origin` can have one more, if that is fair.
    fn heavier_than(&self, origin: Origin) -> Option<Prefix> {
        let mut branch = &self.root;
        for own in origin.path() {
            let (most, heaviest) = *branch.below.last()?;
            if heaviest != own && most >= self.sum_of(own) + 2 {
                return Some(self.heaviest_leaf(heaviest));
            }
            // A leaf, or an empty branch, has no connection to lose.
            branch = self.branches.get(&own)?;
        }
        None
    }

    fn heaviest_leaf(&self, mut prefix: Prefix) -> Prefix {
        let below = |prefix| self.branches.get(&prefix)?.below.last();
        while let Some((_, heaviest)) = below(prefix) {
            prefix = *heaviest;
        }
        prefix
    }

    fn sum_of(&self, prefix: Prefix) -> usize {
        let branch = self.branches.get(&prefix);
        branch.map_or_else(|| self.at_leaf(prefix), |branch| branch.sum)
    }

    fn lose_newest(&mut self, leaf: Prefix) -> Option<(Id, T)> {
        let (number, _) = self.leaves.get(&leaf)?.last_key_value()?;
        let origin = leaf.origin();
        let id = Id {
            origin,
            number: *number,
        };
        Some((id, self.take_out(id)?))
    }

    fn insert(&mut self, id: Id, payload: T) {
        let members = self.leaves.entry(id.origin.leaf()).or_default();
        members.insert(id.number, payload);
        self.weigh(id.origin, 1);
    }

    fn take_out(&mut self, id: Id) -> Option<T> {
        let leaf = id.origin.leaf();
        let members = self.leaves.get_mut(&leaf)?;
        let payload = members.remove(&id.number)?;
        if members.is_empty() {
            self.leaves.remove(&leaf);
        }
        self.weigh(id.origin, -1);
        Some(payload)
    }

    /// Adds `by` to every sum above the leaf of `origin`, which has been changed already.
    fn weigh(&mut self, origin: Origin, by: isize) {
        let leaf = origin.leaf();
        self.root.sum = self.root.sum.saturating_add_signed(by);
        let mut above = None;
        for prefix in origin.path() {
            let sum = if prefix == leaf {
                self.at_leaf(leaf)
            } else {
                let branch = self.branches.entry(prefix).or_default();
                branch.sum = branch.sum.saturating_add_signed(by);
                branch.sum
            };
            let parent = match above {
                None => &mut self.root,
                Some(above) => self.branches.entry(above).or_default(),
            };
            parent
                .below
                .remove(&(sum.saturating_add_signed(-by), prefix));
            if sum > 0 {
                parent.below.insert((sum, prefix));
            }
            above = Some(prefix);
        }
        for prefix in origin.path() {
            if self.branches.get(&prefix).is_some_and(|it| it.sum == 0) {
                self.branches.remove(&prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests;

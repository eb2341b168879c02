//! The order of a list that may be cut short. Pure.

use super::{Origin, Prefix};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    net::IpAddr,
    ops::Bound,
    str::FromStr,
};

/// Servers in fair order: the first server of every address comes before the second of any, and so
/// on. Of equal rank, the older one is first. An address is an IPv4 address, or an IPv6 /64.
///
/// The order is maintained, not sorted on request. Adding or removing a server takes a few lookups
/// in sorted maps and moves no more than necessary: when a server is removed, the last one of its
/// address takes its rank.
#[derive(Clone, Debug, Default)]
pub struct Order {
    positions: BTreeSet<Position>,
    /// By number.
    places: HashMap<u64, (Prefix, usize)>,
    /// Numbers by rank.
    addresses: HashMap<Prefix, Vec<u64>>,
}

/// A position in the order. As text it is `RANK.NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The number of servers of the same address before it.
    rank: usize,
    /// A lower number is older.
    number: u64,
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is written RANK.NUMBER")]
pub struct InvalidPosition;

impl Position {
    /// The server at this position.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rank, self.number)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (rank, number) = text.split_once('.').ok_or(InvalidPosition)?;
        Ok(Self {
            rank: rank.parse().map_err(|_| InvalidPosition)?,
            number: number.parse().map_err(|_| InvalidPosition)?,
        })
    }
}

impl Order {
    /// Adds a server, or updates its address. Numbers increase with time.
    pub fn put(&mut self, number: u64, ip: IpAddr) {
        let prefix = Origin::new(ip).leaf();
        match self.places.get(&number) {
            Some((known, _)) if *known == prefix => return,
            Some(_) => self.remove(number),
            None => {}
        }
        // Most addresses have one server.
        let one = || Vec::with_capacity(1);
        let ranks = self.addresses.entry(prefix).or_insert_with(one);
        let rank = ranks.len();
        ranks.push(number);
        self.places.insert(number, (prefix, rank));
        self.positions.insert(Position { rank, number });
    }

    /// Removes a server.
    pub fn remove(&mut self, number: u64) {
        let Some((prefix, rank)) = self.places.remove(&number) else {
            return;
        };
        self.positions.remove(&Position { rank, number });
        let Some(ranks) = self.addresses.get_mut(&prefix) else {
            return;
        };
        ranks.swap_remove(rank);
        if let Some(last) = ranks.get(rank) {
            let (number, old) = (*last, ranks.len());
            self.positions.remove(&Position { rank: old, number });
            self.positions.insert(Position { rank, number });
            self.places.insert(number, (prefix, rank));
        }
        if ranks.is_empty() {
            self.addresses.remove(&prefix);
        }
    }

    /// The servers after a position, or all servers.
    pub fn after(&self, position: Option<Position>) -> impl Iterator<Item = Position> {
        let from = position.map_or(Bound::Unbounded, Bound::Excluded);
        self.positions.range((from, Bound::Unbounded)).copied()
    }

    /// The number of servers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are no servers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(host: u8) -> IpAddr {
        [192, 0, 2, host].into()
    }

    fn numbers(order: &Order, after: Option<Position>) -> Vec<u64> {
        order.after(after).map(Position::number).collect()
    }

    #[test]
    fn the_first_of_every_address_comes_before_the_second_of_any() {
        let mut order = Order::default();
        for (number, host) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (6, 2)] {
            order.put(number, ip(host));
        }
        assert_eq!(numbers(&order, None), [1, 4, 5, 2, 6, 3]);
        let third = order.after(None).nth(2);
        assert_eq!(numbers(&order, third), [2, 6, 3]);
        // The last server of the same address takes the rank.
        order.remove(1);
        assert_eq!(numbers(&order, None), [3, 4, 5, 2, 6]);
        order.put(2, ip(9));
        assert_eq!(numbers(&order, None), [2, 3, 4, 5, 6]);
        // A server that is already in the order keeps its rank.
        order.put(4, ip(2));
        assert_eq!(numbers(&order, None), [2, 3, 4, 5, 6]);
        assert!(!order.is_empty());
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        let position = Position {
            rank: 3,
            number: 1207,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in ["", "3", "3.", ".7", "-1.2", "1.2.3", "x.y"] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranks_have_no_gaps_whatever_comes_and_goes(
            steps in prop::collection::vec((0..20u64, prop::option::of(0..5u8)), 0..200)
        ) {
            let mut order = Order::default();
            let mut servers = HashMap::new();
            for (number, host) in steps {
                match host {
                    Some(host) => {
                        order.put(number, ip(host));
                        servers.insert(number, host);
                    }
                    None => {
                        order.remove(number);
                        servers.remove(&number);
                    }
                }
                prop_assert_eq!(order.len(), servers.len());
                let mut seen = [0; 5];
                let mut last = None;
                for position in order.after(None) {
                    let host = servers[&position.number()];
                    // The rank is the number of servers of the same address before it.
                    prop_assert_eq!(position.rank, seen[usize::from(host)]);
                    seen[usize::from(host)] += 1;
                    prop_assert!(last < Some(position));
                    last = Some(position);
                }
            }
            for number in servers.into_keys() {
                order.remove(number);
            }
            prop_assert!(order.is_empty() && order.addresses.is_empty() && order.places.is_empty());
        }
    }
}

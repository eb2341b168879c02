//! Decides which servers of a prefix are in the list, and which wait for a row. Pure.

mod standing;

pub use standing::{Standing, Waiting};

use super::{Origin, Prefix, Trusted};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// The rows of the list, of which each prefix has a limited number. `K` is the caller's key of a
/// server.
///
/// An address (IPv4, or IPv6 /64) has the configured number of rows, and the network around it
/// (/24, /48) four times as many. A [trusted](Trusted) prefix has as many as the operator gives
/// it, regardless of addresses. A server beyond that waits. A free row goes to the server that has
/// waited longest among those that may have it.
///
/// A claim, a release or a move takes a few lookups in sorted maps. Memory is used for servers,
/// and for prefixes that have some.
///
/// ```
/// use metaserve::bounds::{Rows, Standing, Trusted};
///
/// let mut rows = Rows::new(1, Trusted::none()); // one row for each address
/// let address = "192.0.2.1".parse()?;
/// assert_eq!(rows.claim(1, address, "first"), Standing::Listed);
/// assert!(matches!(rows.claim(2, address, "second"), Standing::Waits(_)));
///
/// rows.release(1);
/// assert_eq!(rows.take_promoted(), [(2, "second")]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Rows<K> {
    each_address: usize,
    trusted: Trusted,
    claims: HashMap<u64, Claim<K>>,
    addresses: HashMap<Scope, Address>,
    networks: HashMap<Scope, Network>,
    claimed: u64,
    waiting: usize,
    /// Servers that have been given a row, which the caller has not collected yet.
    promoted: Vec<(u64, K)>,
}

/// A network has this many times the rows of one address.
const ADDRESSES: usize = 4;

/// A group that shares rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    Prefix(Prefix),
    /// The address is its own scope, and its own network.
    Trusted(IpNet, Option<usize>),
}

#[derive(Debug)]
struct Claim<K> {
    ip: IpAddr,
    /// In the order of first claims: a lower number has waited longer.
    since: u64,
    listed: bool,
    key: K,
}

#[derive(Debug, Default)]
struct Address {
    listed: usize,
    /// Numbers of the waiting servers, by the time they have waited.
    waiting: BTreeMap<u64, u64>,
    /// Its key in the `ready` map of its network.
    ready: Option<u64>,
}

#[derive(Debug, Default)]
struct Network {
    listed: usize,
    waiting: usize,
    /// Addresses that have both a free row and a waiting server, by the time that server has
    /// waited.
    ready: BTreeMap<u64, Scope>,
}

impl<K: Clone> Rows<K> {
    /// No servers yet, and this many rows for each address.
    #[must_use]
    pub fn new(each_address: usize, trusted: Trusted) -> Self {
        Self {
            each_address,
            trusted,
            claims: HashMap::new(),
            addresses: HashMap::new(),
            networks: HashMap::new(),
            claimed: 0,
            waiting: 0,
            promoted: Vec::new(),
        }
    }

    /// Changes the number of rows. Listed servers stay.
    pub fn set(&mut self, each_address: usize, trusted: Trusted) {
        self.each_address = each_address;
        self.trusted = trusted;
        self.addresses.clear();
        self.networks.clear();
        self.waiting = 0;
        let numbers: Vec<_> = self.claims.keys().copied().collect();
        for number in numbers {
            let Some(claim) = self.claims.remove(&number) else {
                continue;
            };
            self.count_in(number, &claim);
            self.claims.insert(number, claim);
        }
        let networks: Vec<_> = self.networks.keys().copied().collect();
        for network in networks {
            self.promote(network);
        }
    }

    /// Gives a new server a row, or a position among those that wait.
    pub fn claim(&mut self, number: u64, ip: IpAddr, key: K) -> Standing {
        self.claimed += 1;
        let since = self.claimed;
        self.put(number, ip, since, key)
    }

    /// Moves a server to another address. It takes a row there, or waits there, with the time that
    /// it has already waited.
    pub fn move_to(&mut self, number: u64, ip: IpAddr) -> Option<Standing> {
        let (address, network) = self.scopes(self.claims.get(&number)?.ip);
        if self.scopes(ip) == (address, network) {
            self.claims.get_mut(&number)?.ip = ip;
            return self.standing(number);
        }
        let (since, key) = self.take_out(number)?;
        let standing = self.put(number, ip, since, key);
        self.promote(network);
        Some(standing)
    }

    /// Moves a server to another address if it has a row there at once. A server without a claim
    /// needs none.
    ///
    /// # Errors
    /// Why it would wait there. Nothing has changed: it has the row that it had before.
    pub fn move_if_free(&mut self, number: u64, ip: IpAddr) -> Result<(), Waiting> {
        let Some(claim) = self.claims.get(&number) else {
            return Ok(());
        };
        let (before, there) = (self.scopes(claim.ip), self.scopes(ip));
        // In the same place, the row that it has is kept, also above a limit that was lowered.
        if before != there || !claim.listed {
            let own = |same: bool| usize::from(same && claim.listed);
            let address = self.addresses.get(&there.0);
            let network = self.networks.get(&there.1);
            let at = address.map_or((0, 0), |it| (it.listed, it.waiting.len()));
            let around = network.map_or((0, 0), |it| (it.listed, it.waiting));
            for (scope, (listed, waiting), own, most) in [
                (
                    there.0,
                    at,
                    own(before.0 == there.0),
                    self.rows_of_address(there.0),
                ),
                (
                    there.1,
                    around,
                    own(before.1 == there.1),
                    self.rows_of_network(there.1),
                ),
            ] {
                if listed - own >= most {
                    let position = waiting + 1;
                    return Err(Waiting {
                        listed,
                        position,
                        scope,
                    });
                }
            }
        }
        self.move_to(number, ip);
        Ok(())
    }

    /// Removes a server. Its row goes to the server that has waited longest.
    pub fn release(&mut self, number: u64) {
        let Some(claim) = self.claims.get(&number) else {
            return;
        };
        let (_, network) = self.scopes(claim.ip);
        self.take_out(number);
        self.promote(network);
    }

    /// Servers that were given a row since the last call, other than by their own claim or move.
    pub fn take_promoted(&mut self) -> Vec<(u64, K)> {
        std::mem::take(&mut self.promoted)
    }

    /// The number of servers that wait for a row.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a server is in the list, or why not; `None` if it has no claim.
    #[must_use]
    pub fn standing(&self, number: u64) -> Option<Standing> {
        let claim = self.claims.get(&number)?;
        if claim.listed {
            return Some(Standing::Listed);
        }
        let (at, around) = self.scopes(claim.ip);
        let address = self.addresses.get(&at)?;
        let network = self.networks.get(&around)?;
        let full = address.listed >= self.rows_of_address(at);
        let (scope, listed, position) = match full {
            true => (at, address.listed, address.waiting.len()),
            false => (around, network.listed, network.waiting),
        };
        Some(Standing::Waits(Waiting {
            listed,
            position,
            scope,
        }))
    }

    fn put(&mut self, number: u64, ip: IpAddr, since: u64, key: K) -> Standing {
        let (address, network) = self.scopes(ip);
        let listed_in = |it: Option<usize>| it.unwrap_or(0);
        let there = listed_in(self.addresses.get(&address).map(|it| it.listed));
        let around = listed_in(self.networks.get(&network).map(|it| it.listed));
        let listed =
            there < self.rows_of_address(address) && around < self.rows_of_network(network);
        let claim = Claim {
            ip,
            since,
            listed,
            key,
        };
        self.count_in(number, &claim);
        self.claims.insert(number, claim);
        self.standing(number).unwrap_or(Standing::Listed)
    }

    fn count_in(&mut self, number: u64, claim: &Claim<K>) {
        let (at, around) = self.scopes(claim.ip);
        let address = self.addresses.entry(at).or_default();
        let network = self.networks.entry(around).or_default();
        if claim.listed {
            address.listed += 1;
            network.listed += 1;
        } else {
            address.waiting.insert(claim.since, number);
            network.waiting += 1;
            self.waiting += 1;
        }
        self.refresh(at, around);
    }

    fn take_out(&mut self, number: u64) -> Option<(u64, K)> {
        let claim = self.claims.remove(&number)?;
        let (at, around) = self.scopes(claim.ip);
        let address = self.addresses.get_mut(&at)?;
        let network = self.networks.get_mut(&around)?;
        if claim.listed {
            address.listed -= 1;
            network.listed -= 1;
        } else {
            address.waiting.remove(&claim.since);
            network.waiting -= 1;
            self.waiting -= 1;
        }
        self.refresh(at, around);
        Some((claim.since, claim.key))
    }

    /// Updates, after a change of an address, whether it is ready for a row and whether it is
    /// still in use.
    fn refresh(&mut self, scope: Scope, around: Scope) {
        let most = self.rows_of_address(scope);
        let Some(address) = self.addresses.get_mut(&scope) else {
            return;
        };
        let network = self.networks.entry(around).or_default();
        if let Some(before) = address.ready.take() {
            network.ready.remove(&before);
        }
        if address.listed < most
            && let Some((since, _)) = address.waiting.first_key_value()
        {
            address.ready = Some(*since);
            network.ready.insert(*since, scope);
        }
        if address.listed == 0 && address.waiting.is_empty() {
            self.addresses.remove(&scope);
        }
        if network.listed == 0 && network.waiting == 0 {
            self.networks.remove(&around);
        }
    }

    /// Gives the free rows of a network to the servers that have waited longest.
    fn promote(&mut self, around: Scope) {
        let most = self.rows_of_network(around);
        while let Some(network) = self.networks.get_mut(&around)
            && network.listed < most
            && let Some((since, scope)) = network.ready.first_key_value()
        {
            let (since, scope) = (*since, *scope);
            let address = self.addresses.entry(scope).or_default();
            let Some(number) = address.waiting.remove(&since) else {
                return;
            };
            address.listed += 1;
            network.listed += 1;
            network.waiting -= 1;
            self.waiting -= 1;
            if let Some(claim) = self.claims.get_mut(&number) {
                claim.listed = true;
                self.promoted.push((number, claim.key.clone()));
            }
            self.refresh(scope, around);
        }
    }

    /// The scopes whose rows an address takes: its own, and that of the network around it.
    fn scopes(&self, ip: IpAddr) -> (Scope, Scope) {
        if let Some(trusted) = self.trusted.covering(ip) {
            let scope = Scope::Trusted(trusted.prefix, trusted.rows);
            return (scope, scope);
        }
        let (address, network) = Origin::new(ip).rows();
        (Scope::Prefix(address), Scope::Prefix(network))
    }

    fn rows_of_address(&self, scope: Scope) -> usize {
        match scope {
            Scope::Prefix(_) => self.each_address,
            Scope::Trusted(_, rows) => rows.unwrap_or(usize::MAX),
        }
    }

    fn rows_of_network(&self, scope: Scope) -> usize {
        match scope {
            Scope::Prefix(_) => self.each_address.saturating_mul(ADDRESSES),
            Scope::Trusted(_, rows) => rows.unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests;

//! The servers in the list, and when each of them leaves it
//! (`docs/specifications/ddnet-register.md`, section 15).

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use bytes::Bytes;

use super::limits::Limits;
use crate::peers::host;

/// A server in the list that has said what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The address under which it is listed.
    pub address: SocketAddr,
    /// Its answer to `gie3`, without the letters `inf3`.
    pub answer: Bytes,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    address: SocketAddr,
    /// What it says of itself, once it has.
    answer: Option<Bytes>,
    /// When it has passed its last check.
    proved: Instant,
}

/// All servers in the list, by the addresses that they have proved.
#[derive(Debug, Default)]
pub struct Servers {
    map: HashMap<SocketAddr, Entry>,
    hosts: HashMap<IpAddr, usize>,
    due: BTreeSet<(Instant, SocketAddr)>,
    last_id: u64,
}

impl Servers {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The addresses under which they are listed, in no particular order.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.map.values().map(|entry| entry.address)
    }

    /// The addresses that they have proved, for the time after a restart.
    pub(super) fn proved_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.map.keys().copied()
    }

    pub(super) fn contains(&self, server: SocketAddr) -> bool {
        self.map.contains_key(&server)
    }

    /// How many a host has.
    pub(super) fn of_host(&self, host: IpAddr) -> usize {
        self.hosts.get(&host).copied().unwrap_or(0)
    }

    /// A server has passed its check; it is listed under `address`. Returns whether it is new.
    pub(super) fn proved(
        &mut self,
        server: SocketAddr,
        address: SocketAddr,
        limits: &Limits,
        now: Instant,
    ) -> bool {
        let last = self.map.get(&server).map(|entry| entry.proved);
        if let Some(last) = last {
            self.due.remove(&(last + limits.server_time, server));
        }
        self.due.insert((now + limits.server_time, server));
        if let Some(entry) = self.map.get_mut(&server) {
            entry.proved = now;
            return false;
        }
        self.last_id += 1;
        let entry = Entry {
            id: self.last_id,
            address,
            answer: None,
            proved: now,
        };
        self.map.insert(server, entry);
        *self.hosts.entry(host(server.ip())).or_default() += 1;
        true
    }

    /// A server has said what it is. Returns its number and what is new about it, if something is.
    pub(super) fn described(&mut self, server: SocketAddr, answer: Bytes) -> Option<(u64, Listed)> {
        let entry = self.map.get_mut(&server)?;
        if entry.answer.as_ref() == Some(&answer) {
            return None;
        }
        entry.answer = Some(answer.clone());
        let address = entry.address;
        Some((entry.id, Listed { address, answer }))
    }

    /// Removes the servers whose time is over. Returns the numbers of those that had said what they
    /// are, and how many there were.
    pub(super) fn expire(&mut self, limits: &Limits, now: Instant) -> Gone {
        let mut gone = Gone::default();
        while let Some(&(at, server)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            self.remove(server, limits, &mut gone);
        }
        gone
    }

    /// Removes servers at addresses that are `unwanted`.
    pub(super) fn expel(&mut self, unwanted: impl Fn(IpAddr) -> bool, limits: &Limits) -> Gone {
        let servers = self.map.keys().copied();
        let servers: Vec<_> = servers.filter(|server| unwanted(server.ip())).collect();
        let mut gone = Gone::default();
        for server in servers {
            self.remove(server, limits, &mut gone);
        }
        gone
    }

    fn remove(&mut self, server: SocketAddr, limits: &Limits, gone: &mut Gone) {
        let Some(entry) = self.map.remove(&server) else {
            return;
        };
        self.due
            .remove(&(entry.proved + limits.server_time, server));
        let host = host(server.ip());
        if let Some(count) = self.hosts.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(&host);
            }
        }
        gone.servers += 1;
        gone.published.extend(entry.answer.map(|_| entry.id));
    }
}

/// Servers that have left the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// How many.
    pub(super) servers: usize,
    /// The numbers of those that were published.
    pub(super) published: Vec<u64>,
}

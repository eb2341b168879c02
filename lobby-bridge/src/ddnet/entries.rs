//! The servers that have registered: by their secrets, with their addresses. Pure: the time is
//! passed in. (`docs/specifications/ddnet-register.md`, sections 5 and 6.)

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use imbl::OrdMap;

use super::{
    address::Address,
    info::Info,
    limits::Limits,
    request::{Answer, Registration, Secret},
};
use crate::peers::host;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names it for as long as the bridge runs.
    pub id: u64,
    /// The number of its information.
    pub serial: u64,
    /// Its information.
    pub info: Info,
    /// Its addresses, each with the time of the last success. Without any, the server is not
    /// listed.
    pub addresses: BTreeMap<Address, Instant>,
    /// Until when it is remembered without addresses.
    pub remembered: Instant,
}

/// All servers. Cheap to clone: clones share what has not changed.
pub type Servers = OrdMap<Secret, Arc<Entry>>;

/// The servers, and who owns which address.
#[derive(Debug)]
pub(super) struct Entries {
    limits: Limits,
    servers: Servers,
    owners: HashMap<Address, Secret>,
    per_host: HashMap<IpAddr, usize>,
    info_bytes: usize,
    next_id: u64,
    /// Servers that look different since [`changed`](Self::changed) was last called.
    changed: BTreeSet<Secret>,
    /// Servers that have ended since then.
    ended: Vec<u64>,
}

impl Entries {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            servers: Servers::new(),
            owners: HashMap::new(),
            per_host: HashMap::new(),
            info_bytes: 0,
            next_id: 0,
            changed: BTreeSet::new(),
            ended: Vec::new(),
        }
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Takes in a registration whose address is proven.
    ///
    /// # Errors
    /// Why it is not listed. Nothing has changed.
    pub(super) fn register(
        &mut self,
        address: Address,
        secret: &Secret,
        asked: &Registration,
        now: Instant,
    ) -> Result<(), Answer> {
        let info = self.news(secret, asked)?;
        self.check_room(&address, secret, info.as_ref())?;
        let former = self.owners.get(&address).filter(|it| *it != secret);
        if let Some(former) = former.cloned() {
            self.drop_address(&former, &address, now);
        }
        if let Some(info) = info {
            self.store(secret, asked.serial, info, now);
        }
        self.keep_address(address, secret, now);
        Ok(())
    }

    /// The information in a request, if it is newer than what is known.
    fn news(&self, secret: &Secret, asked: &Registration) -> Result<Option<Info>, Answer> {
        if !asked.body.is_empty() && !asked.is_json {
            return Err(Answer::Error(
                415,
                "the body needs Content-Type: application/json".into(),
            ));
        }
        let known = self.servers.get(secret);
        if known.is_some_and(|known| asked.serial <= known.serial) {
            return Ok(None);
        }
        if asked.body.is_empty() {
            return Err(Answer::NeedInfo);
        }
        let info = Info::parse(&asked.body);
        info.map(Some)
            .map_err(|why| Answer::refused(why.to_string()))
    }

    fn check_room(
        &self,
        address: &Address,
        secret: &Secret,
        info: Option<&Info>,
    ) -> Result<(), Answer> {
        let limits = &self.limits;
        let here = self.per_host.get(&host(address.at.ip()));
        if !self.owners.contains_key(address) && here.is_some_and(|it| *it >= limits.per_host) {
            return Err(Answer::Error(
                429,
                format!(
                    "this host has {} addresses in the list already (--ddnet-per-address)",
                    limits.per_host
                ),
            ));
        }
        let full = |why: &str| Err(Answer::Error(503, why.to_owned()));
        if !self.servers.contains_key(secret) && self.servers.len() >= limits.servers {
            return full("the list is full (--ddnet-servers)");
        }
        let before = self
            .servers
            .get(secret)
            .map_or(0, |it| it.info.json().len());
        let after = info.map_or(before, |info| info.json().len());
        if after > before && self.info_bytes - before + after > limits.info_bytes {
            return full("the list is full: servers say too much of themselves");
        }
        Ok(())
    }

    fn store(&mut self, secret: &Secret, serial: u64, info: Info, now: Instant) {
        self.changed.insert(secret.clone());
        self.info_bytes += info.json().len();
        let remembered = now + self.limits.remember;
        match self.servers.get_mut(secret) {
            Some(entry) => {
                self.info_bytes -= entry.info.json().len();
                let entry = Arc::make_mut(entry);
                (entry.serial, entry.info) = (serial, info);
            }
            None => {
                self.next_id += 1;
                let entry = Entry {
                    id: self.next_id,
                    serial,
                    info,
                    addresses: BTreeMap::new(),
                    remembered,
                };
                self.servers.insert(secret.clone(), Arc::new(entry));
            }
        }
    }

    fn keep_address(&mut self, address: Address, secret: &Secret, success: Instant) {
        let Some(entry) = self.servers.get_mut(secret) else {
            return;
        };
        let known = Arc::make_mut(entry).addresses.insert(address, success);
        if known.is_none() {
            self.owners.insert(address, secret.clone());
            *self.per_host.entry(host(address.at.ip())).or_default() += 1;
            self.changed.insert(secret.clone());
        }
    }

    fn drop_address(&mut self, secret: &Secret, address: &Address, now: Instant) {
        let remembered = now + self.limits.remember;
        let Some(entry) = self.servers.get_mut(secret) else {
            return;
        };
        let entry = Arc::make_mut(entry);
        if entry.addresses.remove(address).is_none() {
            return;
        }
        entry.remembered = remembered;
        self.changed.insert(secret.clone());
        self.owners.remove(address);
        let host = host(address.at.ip());
        if let Some(count) = self.per_host.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                self.per_host.remove(&host);
            }
        }
    }

    /// Takes a server off the list that ends: with the address that it names, all its addresses,
    /// since requests about the others are often lost (`docs/specifications/ddnet-register.md`,
    /// section 6). One that goes on registers them again within 15 s.
    ///
    /// # Errors
    /// It has no such address. Nothing has changed.
    pub(super) fn delete(
        &mut self,
        address: &Address,
        secret: &Secret,
        now: Instant,
    ) -> Result<(), Answer> {
        if self.owners.get(address) != Some(secret) {
            return Err(Answer::refused("this server is not in the list"));
        }
        self.drop_addresses(secret, |_, _| true, now);
        Ok(())
    }

    /// Drops addresses of a server.
    fn drop_addresses(
        &mut self,
        secret: &Secret,
        is: impl Fn(&Address, &Instant) -> bool,
        now: Instant,
    ) {
        let addresses = self.servers.get(secret).map(|entry| {
            let addresses = entry
                .addresses
                .iter()
                .filter(|(address, at)| is(address, at));
            addresses.map(|(address, _)| *address).collect::<Vec<_>>()
        });
        for address in addresses.into_iter().flatten() {
            self.drop_address(secret, &address, now);
        }
    }

    /// Drops all addresses that are banned.
    pub(super) fn drop_hosts(&mut self, is: impl Fn(IpAddr) -> bool, now: Instant) {
        let secrets: Vec<Secret> = self.servers.keys().cloned().collect();
        for secret in secrets {
            self.drop_addresses(&secret, |address, _| is(address.at.ip()), now);
        }
    }

    /// Drops addresses without a recent success, and forgets servers without addresses.
    pub(super) fn expire(&mut self, now: Instant) {
        let lifetime = self.limits.lifetime;
        let old = |success: &Instant| now.saturating_duration_since(*success) >= lifetime;
        let is_due = |entry: &Entry| match entry.addresses.is_empty() {
            true => now >= entry.remembered,
            false => entry.addresses.values().any(old),
        };
        let due = self.servers.iter().filter(|(_, entry)| is_due(entry));
        let due: Vec<Secret> = due.map(|(secret, _)| secret.clone()).collect();
        for secret in due {
            self.drop_addresses(&secret, |_, success| old(success), now);
            let ends = |entry: &Arc<Entry>| is_due(entry) && entry.addresses.is_empty();
            if self.servers.get(&secret).is_some_and(ends)
                && let Some(entry) = self.servers.remove(&secret)
            {
                self.info_bytes -= entry.info.json().len();
                self.changed.remove(&secret);
                self.ended.push(entry.id);
            }
        }
    }

    /// Puts back a server of an earlier run, with the addresses that are still good.
    pub(super) fn restore(
        &mut self,
        secret: &Secret,
        serial: u64,
        info: Info,
        addresses: impl Iterator<Item = (Address, Instant)>,
        now: Instant,
    ) {
        if self.servers.len() >= self.limits.servers || self.servers.contains_key(secret) {
            return;
        }
        self.store(secret, serial, info, now);
        for (address, success) in addresses {
            let old = now.saturating_duration_since(success) >= self.limits.lifetime;
            if !old && !self.owners.contains_key(&address) {
                self.keep_address(address, secret, success);
            }
        }
    }

    /// Whether this address is in the list.
    pub(super) fn has(&self, address: &Address) -> bool {
        self.owners.contains_key(address)
    }

    /// Returns the servers that look different since the last call, and those that have ended.
    pub(super) fn changed(&mut self) -> (Vec<Arc<Entry>>, Vec<u64>) {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let entries = changed.filter_map(|secret| self.servers.get(&secret).cloned());
        (entries.collect(), std::mem::take(&mut self.ended))
    }

    /// Whether nothing is left of any server.
    #[cfg(test)]
    pub(super) fn is_clear(&self) -> bool {
        let kept = self.owners.len() + self.per_host.len() + self.info_bytes;
        self.servers.is_empty() && kept == 0
    }
}

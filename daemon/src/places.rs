//! Places that are taken and given back: by drop guards, so that none is lost on any path.

use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Places of one kind. How many there are is said with each taking, since it may change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<AtomicUsize>);

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Places {
    /// A place, if fewer than `most` are taken.
    pub(crate) fn take(&self, most: usize) -> Option<Place> {
        let more = |taken| (taken < most).then_some(taken + 1);
        let took = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        took.is_ok().then(|| Place(self.0.clone()))
    }

    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Places of each household: an IPv4 address, or an IPv6 network of 64 bits, which is what one
/// customer has of either at least.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes(Arc<Mutex<HashMap<IpNet, usize>>>);

/// One place of a household, until it is dropped.
#[derive(Debug)]
pub(crate) struct PrefixPlace {
    prefixes: Prefixes,
    prefix: IpNet,
}

impl Prefixes {
    /// A place, if fewer than `most` are taken by the household of this address.
    pub(crate) fn take(&self, address: IpAddr, most: usize) -> Option<PrefixPlace> {
        let prefix = household(address);
        let mut taken = self.lock();
        let count = taken.entry(prefix).or_default();
        // An entry stands for one place at least, so that an empty household is no entry.
        if *count >= most.max(1) {
            return None;
        }
        *count += 1;
        Some(PrefixPlace {
            prefixes: self.clone(),
            prefix,
        })
    }

    pub(crate) fn taken(&self, address: IpAddr) -> usize {
        self.lock().get(&household(address)).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpNet, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PrefixPlace {
    fn drop(&mut self) {
        let mut taken = self.prefixes.lock();
        if let Some(count) = taken.get_mut(&self.prefix) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.prefix);
            }
        }
    }
}

fn household(address: IpAddr) -> IpNet {
    let bits = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, bits).map_or_else(|_| address.into(), |net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_goes() {
        let places = Places::default();
        let first = places.take(1).unwrap();
        assert!(places.take(1).is_none());
        // The number of places may change meanwhile.
        let _second = places.take(2).unwrap();
        drop(first);
        assert_eq!(places.taken(), 1);
        assert!(places.take(1).is_none());
    }

    #[test]
    fn a_household_is_an_ipv4_address_or_64_bits_of_ipv6() {
        let prefixes = Prefixes::default();
        let take = |address: &str| prefixes.take(address.parse().unwrap(), 1);
        let first = take("2001:db8::1");
        assert!(first.is_some());
        assert!(take("2001:db8::2").is_none());
        let _others = [
            take("2001:db8:0:1::1"),
            take("192.0.2.1"),
            take("192.0.2.2"),
        ]
        .map(|taken| taken.expect("a household of its own"));
        drop(first);
        assert_eq!(prefixes.taken("2001:db8::2".parse().unwrap()), 0);
        assert_eq!(prefixes.lock().len(), 3);
    }
}

//! Places for connections that have not said yet what they want, few for each host.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Places in total and for each host: whoever holds many connections open without a word takes
/// the places of his own, not everybody's.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    each_host: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that is taken. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    host: IpAddr,
}

impl Places {
    pub(crate) fn new(all: usize, each_host: usize) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self {
            all,
            each_host,
            taken,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `ip`, if there is one.
    pub(crate) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let host = host(ip);
        let mut taken = self.taken();
        let own = taken.get(&host).copied().unwrap_or(0);
        if own >= self.each_host || taken.values().sum::<usize>() >= self.all {
            return None;
        }
        taken.insert(host, own + 1);
        let places = Arc::clone(self);
        Some(Place { places, host })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.host) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.host)),
        }
    }
}

/// What one customer of a provider usually is given: an IPv4 address, or an IPv6 /64.
pub(crate) fn host(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_takes_its_own_places_and_gives_them_back() {
        let places = Places::new(10, 2);
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none());
        assert!(places.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(places.take(ip("192.0.2.1")).is_some());
        drop(_second);
        assert!(
            places.taken().is_empty(),
            "hosts without connections are forgotten"
        );
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_host() {
        let places = Places::new(10, 1);
        let _place = places.take(ip("2001:db8::1")).unwrap();
        assert!(places.take(ip("2001:db8::ffff:2")).is_none());
        assert!(places.take(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn all_hosts_together_are_bounded() {
        let places = Places::new(2, 2);
        let _places = ["192.0.2.1", "192.0.2.2"].map(|host| places.take(ip(host)).unwrap());
        assert!(places.take(ip("192.0.2.3")).is_none());
    }
}

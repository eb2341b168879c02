//! How often long answers are given to one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use metaserve::bounds::{Bucket, Origin, Prefix};

/// Lists at once without a setting.
const LISTS: usize = 8;

/// The lists a second that all addresses share that are too many to be counted.
const STRANGERS: f64 = 50.0;

/// How many lists an address gets. The limit keeps a master from flooding third parties whose
/// addresses are forged, and from doing nothing else for one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Lists that one IPv4 address or IPv6 /64 gets at once. `None`, the default, means 8, and any
    /// number for this machine's own addresses.
    pub at_once: Option<usize>,
    /// The time until it gets one more. Default 2 s.
    pub period: Duration,
    /// Addresses whose lists are counted, with 100 bytes each. Default 65,536; all others share one
    /// allowance.
    pub counted: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            at_once: None,
            period: Duration::from_secs(2),
            counted: 65_536,
        }
    }
}

/// The allowances of addresses that have asked for lists.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// When each address may have as many lists as at first. An absent one may now.
    restored: HashMap<Prefix, Instant>,
    strangers: Bucket,
    swept: Option<Instant>,
}

impl Flood {
    /// Whether an address may have one more list now.
    pub(crate) fn allows(&mut self, peer: IpAddr, allowed: &Allowance, now: Instant) -> bool {
        self.allows_part(peer, 1, allowed, now)
    }

    /// Whether an address may have one of so many parts of a list now.
    pub(crate) fn allows_part(
        &mut self,
        peer: IpAddr,
        parts: u32,
        allowed: &Allowance,
        now: Instant,
    ) -> bool {
        if allowed.at_once.is_none() && peer.is_loopback() {
            return true;
        }
        let lists = u32::try_from(allowed.at_once.unwrap_or(LISTS)).unwrap_or(u32::MAX);
        let most = allowed.period.saturating_mul(lists);
        if self.swept.is_none_or(|swept| now >= swept + most) {
            self.swept = Some(now);
            self.restored.retain(|_, restored| *restored > now);
        }
        let leaf = Origin::new(peer).leaf();
        if self.restored.len() >= allowed.counted && !self.restored.contains_key(&leaf) {
            return self.strangers.spend(now, STRANGERS, STRANGERS);
        }
        let restored = self.restored.entry(leaf).or_insert(now);
        let next = (*restored).max(now) + allowed.period / parts;
        let is_allowed = next <= now + most;
        if is_allowed {
            *restored = next;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_some_lists_at_once_and_then_one_per_period() {
        let allowed = Allowance {
            at_once: Some(3),
            period: Duration::from_secs(3),
            ..Allowance::default()
        };
        let (mut flood, start) = (Flood::default(), metaserve::time::now());
        let mut ask = |peer: &str, second| {
            let now = start + Duration::from_secs(second);
            flood.allows(peer.parse().unwrap(), &allowed, now)
        };
        let at_once: Vec<bool> = (0..4).map(|_| ask("127.0.0.1", 0)).collect();
        assert_eq!(at_once, [true, true, true, false]);
        assert!(ask("127.0.0.2", 0), "another address");
        assert!(!ask("127.0.0.1", 2));
        assert!(ask("127.0.0.1", 3));
        assert!(!ask("127.0.0.1", 3));
        assert!(ask("2001:db8::1", 0) && ask("2001:db8::2", 0) && ask("2001:db8::3", 0));
        assert!(!ask("2001:db8::4", 0), "one IPv6 /64 is one address");
    }

    #[test]
    fn more_addresses_than_can_be_counted_share_an_allowance() {
        let allowed = Allowance {
            counted: 10,
            ..Allowance::default()
        };
        let (mut flood, now) = (Flood::default(), metaserve::time::now());
        let crowd = (0..1_000_u32).map(|number| IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        let answered = crowd
            .filter(|peer| flood.allows(*peer, &allowed, now))
            .count();
        assert_eq!(answered, 10 + 50);
    }

    #[test]
    fn this_machine_is_not_limited_unless_that_is_set() {
        let (mut flood, now) = (Flood::default(), metaserve::time::now());
        let local = IpAddr::from([127, 0, 0, 1]);
        assert!((0..100).all(|_| flood.allows(local, &Allowance::default(), now)));
        let other = IpAddr::from([192, 0, 2, 1]);
        assert!((0..8).all(|_| flood.allows(other, &Allowance::default(), now)));
        assert!(!flood.allows(other, &Allowance::default(), now));
    }
}

//! How often lists are given to one address (`docs/specifications/quake3-master.md`, section 9).

use std::{collections::HashMap, net::IpAddr, time::Instant};

use metaserve::bounds::{Bucket, Origin, Prefix};

use super::limits::Limits;

/// Lists at once without a setting.
const LISTS: usize = 8;

/// The lists a second that all addresses share that are too many to be counted.
const STRANGERS: f64 = 50.0;

/// The allowances of addresses that have asked for lists.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// When each address may have as many lists as at first. An absent one may now.
    restored: HashMap<Prefix, Instant>,
    strangers: Bucket,
    swept: Option<Instant>,
}

impl Flood {
    /// Whether an address may have one more list now.
    pub(super) fn allows(&mut self, peer: IpAddr, limits: &Limits, now: Instant) -> bool {
        if limits.lists.is_none() && peer.is_loopback() {
            return true;
        }
        let lists = u32::try_from(limits.lists.unwrap_or(LISTS)).unwrap_or(u32::MAX);
        let most = limits.list_period.saturating_mul(lists);
        if self.swept.is_none_or(|swept| now >= swept + most) {
            self.swept = Some(now);
            self.restored.retain(|_, restored| *restored > now);
        }
        let leaf = Origin::new(peer).leaf();
        if self.restored.len() >= limits.counted && !self.restored.contains_key(&leaf) {
            return self.strangers.spend(now, STRANGERS, STRANGERS);
        }
        let restored = self.restored.entry(leaf).or_insert(now);
        let next = (*restored).max(now) + limits.list_period;
        let allowed = next <= now + most;
        if allowed {
            *restored = next;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_address_has_some_lists_at_once_and_then_one_per_period() {
        let limits = Limits {
            lists: Some(3),
            list_period: Duration::from_secs(3),
            ..Limits::default()
        };
        let (mut flood, start) = (Flood::default(), metaserve::time::now());
        let mut ask = |peer: &str, second| {
            let now = start + Duration::from_secs(second);
            flood.allows(peer.parse().unwrap(), &limits, now)
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
        let limits = Limits {
            counted: 10,
            ..Limits::default()
        };
        let (mut flood, now) = (Flood::default(), metaserve::time::now());
        let crowd = (0..1_000_u32).map(|number| IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        let answered = crowd
            .filter(|peer| flood.allows(*peer, &limits, now))
            .count();
        assert_eq!(answered, 10 + 50);
    }

    #[test]
    fn this_machine_is_not_limited_unless_that_is_set() {
        let (mut flood, now) = (Flood::default(), metaserve::time::now());
        let local = IpAddr::from([127, 0, 0, 1]);
        assert!((0..100).all(|_| flood.allows(local, &Limits::default(), now)));
        let other = IpAddr::from([192, 0, 2, 1]);
        assert!((0..8).all(|_| flood.allows(other, &Limits::default(), now)));
        assert!(!flood.allows(other, &Limits::default(), now));
    }
}

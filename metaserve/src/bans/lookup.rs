//! Looks up an address among the bans.

use super::{
    Ban, Whom,
    file::{BadLine, BanFileError, ban_of, read_text},
};
use std::{net::IpAddr, path::Path, time::SystemTime};

/// The bans of a file, for lookups: a binary search, and one step for each prefix around the
/// nearest one.
///
/// The caller passes the time, so that a ban ends without reading the file again.
///
/// ```
/// use metaserve::bans::{Ban, Bans, Whom};
/// use std::time::{Duration, SystemTime};
///
/// let now = SystemTime::now();
/// let ban = Ban {
///     prefix: "192.0.2.0/24".parse()?,
///     whom: Whom::Everybody,
///     until: Some(now + Duration::from_secs(3600)),
/// };
/// let bans: Bans = [ban].into_iter().collect(); // or Bans::read(path)
/// let address = "192.0.2.7".parse()?;
/// assert_eq!(bans.covering(address, now), Some(ban));
/// assert_eq!(bans.covering(address, now + Duration::from_secs(7200)), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    everybody: Prefixes,
    guests: Prefixes,
}

/// Bans that all have the same audience.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Prefixes {
    /// Sorted by prefix, an outer prefix before those within it. Each ban ends later than all
    /// around it; a ban that does not would make no difference, and is left out.
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    ban: Ban,
    /// The index of the nearest prefix around it, if any.
    outer: Option<u32>,
}

impl Bans {
    /// Reads a file of at most 100,000 lines and 16 MiB.
    ///
    /// # Errors
    /// When the file cannot be read, is too long, or has a line that is not a ban. The error names
    /// the file and the line.
    pub fn read(path: &Path) -> Result<Self, BanFileError> {
        let text = read_text(path)?;
        Self::parse(&text).map_err(|lines| BanFileError::BadLines {
            path: path.to_owned(),
            lines,
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, Vec<BadLine>> {
        let mut all = Vec::new();
        let mut bad = Vec::new();
        for (at, line) in text.lines().enumerate() {
            match ban_of(line) {
                None => {}
                Some(Ok(ban)) => all.push(ban),
                Some(Err(problem)) => bad.push(BadLine {
                    number: at + 1,
                    problem,
                }),
            }
        }
        match bad.is_empty() {
            true => Ok(all.into_iter().collect()),
            false => Err(bad),
        }
    }

    /// The ban for everybody that covers an address at this time, if any: of several, the one that
    /// ends last. An IPv4 address inside IPv6 counts as IPv4.
    #[must_use]
    pub fn covering(&self, address: IpAddr, now: SystemTime) -> Option<Ban> {
        self.everybody.covering(address, now)
    }

    /// The same for guests: bans for everybody include them.
    #[must_use]
    pub fn covering_guests(&self, address: IpAddr, now: SystemTime) -> Option<Ban> {
        let everybody = self.everybody.covering(address, now);
        let guests = self.guests.covering(address, now);
        match (everybody, guests) {
            (Some(ban), Some(other)) if other.lasts_as_long_as(&ban) => Some(other),
            (ban, other) => ban.or(other),
        }
    }

    /// The number of prefixes banned for everybody at this time, not counting those within another
    /// one that lasts as long.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> usize {
        self.everybody.count(now)
    }

    /// The bans for everybody, without those that make no difference.
    pub fn iter(&self) -> impl Iterator<Item = Ban> {
        self.everybody.entries.iter().map(|entry| entry.ban)
    }

    /// The number of prefixes banned for guests only.
    #[must_use]
    pub fn count_guests(&self, now: SystemTime) -> usize {
        self.guests.count(now)
    }
}

impl FromIterator<Ban> for Bans {
    fn from_iter<T: IntoIterator<Item = Ban>>(bans: T) -> Self {
        let (everybody, guests) = bans.into_iter().partition(|it| it.whom == Whom::Everybody);
        Self {
            everybody: Prefixes::of(everybody),
            guests: Prefixes::of(guests),
        }
    }
}

impl Prefixes {
    fn covering(&self, address: IpAddr, now: SystemTime) -> Option<Ban> {
        let address = address.to_canonical();
        let after = self
            .entries
            .partition_point(|it| it.ban.prefix.network() <= address);
        let innermost = self.nearest(after, |ban| ban.prefix.contains(&address))?;
        // The innermost ban ends after all around it.
        Some(self.entries[innermost].ban).filter(|ban| ban.holds(now))
    }

    fn count(&self, now: SystemTime) -> usize {
        let holding = self.entries.iter().filter(|it| it.ban.holds(now));
        holding.count()
    }

    /// The last entry before `end` that `contains`. It is the entry just before `end`, or one
    /// around that.
    fn nearest(&self, end: usize, contains: impl Fn(&Ban) -> bool) -> Option<usize> {
        let mut at = end.checked_sub(1)?;
        while !contains(&self.entries[at].ban) {
            at = self.entries[at].outer? as usize;
        }
        Some(at)
    }

    /// The bans may be in any order and overlap. An index has room for four billion.
    fn of(mut all: Vec<Ban>) -> Self {
        all.sort_unstable_by_key(|ban| ban.prefix);
        let mut sorted = Self::default();
        for ban in all {
            let end = sorted.entries.len();
            let outer = sorted.nearest(end, |it| it.prefix.contains(&ban.prefix));
            let around = outer.map(|at| &mut sorted.entries[at].ban);
            match around {
                Some(around) if around.lasts_as_long_as(&ban) => {}
                Some(same) if same.prefix == ban.prefix => *same = ban,
                _ => sorted.entries.push(Entry {
                    ban,
                    outer: outer.and_then(|at| u32::try_from(at).ok()),
                }),
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;
    use std::time::Duration;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn bans(text: &str) -> Bans {
        Bans::parse(text).unwrap_or_else(|bad| panic!("{bad:?}"))
    }

    fn seconds(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_is_banned_by_itself_or_with_its_prefix_and_no_other() {
        let bans = bans(
            "# spammers\n\n192.0.2.7\r\n198.51.100.0/24 # floods\n198.51.100.128/25\n\
             2001:db8::/32\n  10.0.0.0/8\n::ffff:203.0.113.0/120\n",
        );
        assert_eq!(bans.count(START), 5);
        for (address, covered) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.8", None),
            ("198.51.99.255", None),
            ("198.51.100.0", Some("198.51.100.0/24")),
            ("198.51.100.255", Some("198.51.100.0/24")),
            ("198.51.101.0", None),
            ("2001:db8:1::1", Some("2001:db8::/32")),
            ("2001:db9::", None),
            ("::1", None),
            ("203.0.113.9", Some("203.0.113.0/24")),
            ("10.255.255.255", Some("10.0.0.0/8")),
        ] {
            let covering = bans.covering(address.parse().unwrap(), START);
            assert_eq!(
                covering.map(|ban| ban.prefix.to_string()).as_deref(),
                covered,
                "{address}"
            );
        }
    }

    #[test]
    fn everything_of_one_family_is_not_everything_of_the_other() {
        let [v4, v6] = ["192.0.2.7", "2001:db8::1"].map(|it| it.parse().unwrap());
        let covers = |text, address| bans(text).covering(address, START).is_some();
        assert!(covers("0.0.0.0/0", v4) && !covers("0.0.0.0/0", v6));
        assert!(covers("::/0", v6) && !covers("::/0", v4));
    }

    #[test]
    fn a_ban_ends_at_its_time_and_the_bans_around_it_go_on() {
        let bans = bans(
            "192.0.2.7 until 1970-01-01T00:00:20Z # the line's own time counts\n\
             192.0.2.7 until 1970-01-01T00:00:05Z\n192.0.2.0/24 until 1970-01-01T00:00:10Z\n",
        );
        let [banned, neighbour] = ["192.0.2.7", "192.0.2.8"].map(|it| it.parse().unwrap());
        let until = |address, now| {
            let ban = bans.covering(address, seconds(now))?;
            Some(ban.to_string())
        };
        let single = Some("192.0.2.7/32 until 1970-01-01T00:00:20Z".to_owned());
        assert_eq!(until(banned, 0), single);
        assert_eq!((until(banned, 19), until(banned, 20)), (single, None));
        assert!(until(neighbour, 9).is_some() && until(neighbour, 10).is_none());
        let counts = [0, 10, 20].map(|now| bans.count(seconds(now)));
        assert_eq!(counts, [2, 1, 0]);
    }

    #[test]
    fn a_prefix_counts_once_however_many_lines_it_has() {
        let bans = bans(
            "192.0.2.7 until 1970-01-01T00:00:05Z\n192.0.2.7 until 1970-01-01T00:00:20Z\n\
             192.0.2.7 guests\n192.0.2.8 guests\n",
        );
        assert_eq!((bans.count(START), bans.count_guests(START)), (1, 2));
    }

    fn any_ban() -> impl Strategy<Value = Ban> {
        // Few addresses and lengths, so that prefixes overlap.
        let address = (0_u8..4, 0_u8..4).prop_map(|(a, b)| [10, 0, a << 6, b << 6]);
        let until = prop::option::of((1..6_u64).prop_map(seconds));
        let whom = prop_oneof![Just(Whom::Everybody), Just(Whom::Guests)];
        let parts = (address, 14..=32_u8, whom, until);
        parts.prop_map(|(address, length, whom, until)| Ban {
            prefix: IpNet::new(address.into(), length).unwrap().trunc(),
            whom,
            until,
        })
    }

    proptest! {
        #[test]
        fn an_address_that_a_line_bans_is_banned_for_as_long_as_any_line_says(
            all in prop::collection::vec(any_ban(), 0..12),
            address in (0_u8..5, 0_u8..=255).prop_map(|(a, b)| IpAddr::from([10, 0, a << 6, b])),
            now in 0..7_u64,
        ) {
            let now = seconds(now);
            let bans: Bans = all.iter().copied().collect();
            for (whom, found) in [
                (Whom::Everybody, bans.covering(address, now)),
                (Whom::Guests, bans.covering_guests(address, now)),
            ] {
                let single = Ban { prefix: address.into(), whom, until: None };
                let holding = || all.iter().filter(|it| it.covers(&single) && it.holds(now));
                prop_assert_eq!(found.is_some(), holding().next().is_some());
                if let Some(found) = found {
                    prop_assert!(all.contains(&found));
                    prop_assert!(holding().all(|it| found.lasts_as_long_as(it)));
                }
            }
        }
    }
}

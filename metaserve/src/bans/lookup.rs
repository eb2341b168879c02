//! Looking an address up among the bans.

use super::file::{BadLine, BanFileError, entry, prefix, read_text};
use ipnet::IpNet;
use std::{net::IpAddr, path::Path};

/// The addresses that are banned. Looking one up costs a binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    /// In order, and none within another.
    outermost: Vec<IpNet>,
}

impl Bans {
    /// What a file says: at most 100,000 lines, and 16 MiB.
    ///
    /// # Errors
    /// When it cannot be read, is too long, or has a line that is no address: the error names
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
            match entry(line).map(prefix) {
                None => {}
                Some(Ok(banned)) => all.push(banned),
                Some(Err(problem)) => bad.push(BadLine {
                    number: at + 1,
                    problem,
                }),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        all.sort_unstable();
        all.dedup_by(|inner, outer| outer.contains(&*inner));
        Ok(Self { outermost: all })
    }

    /// The ban that covers an address, if one does. An IPv4 address inside an IPv6 one is taken for
    /// what it means.
    #[must_use]
    pub fn covering(&self, address: IpAddr) -> Option<IpNet> {
        let address = address.to_canonical();
        let after = self
            .outermost
            .partition_point(|banned| banned.network() <= address);
        let nearest = self.outermost[..after].last()?;
        nearest.contains(&address).then_some(*nearest)
    }

    /// How many prefixes there are, without those within another.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outermost.len()
    }

    /// Whether nobody is banned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outermost.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bans(text: &str) -> Bans {
        Bans::parse(text).unwrap_or_else(|bad| panic!("{bad:?}"))
    }

    #[test]
    fn an_address_is_banned_by_itself_or_with_its_prefix_and_no_other() {
        let bans = bans(
            "# spammers\n\n192.0.2.7\r\n198.51.100.0/24 # floods\n198.51.100.128/25\n\
             2001:db8::/32\n  10.0.0.0/8\n::ffff:203.0.113.0/120\n",
        );
        assert_eq!(bans.len(), 5);
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
            let covered = covered.map(|prefix| prefix.parse().unwrap());
            assert_eq!(
                bans.covering(address.parse().unwrap()),
                covered,
                "{address}"
            );
        }
    }

    #[test]
    fn everything_of_one_family_is_not_everything_of_the_other() {
        let [v4, v6] = ["192.0.2.7", "2001:db8::1"].map(|it| it.parse().unwrap());
        assert!(bans("0.0.0.0/0").covering(v4).is_some());
        assert!(bans("0.0.0.0/0").covering(v6).is_none());
        assert!(bans("::/0").covering(v4).is_none());
        assert!(bans("::/0").covering(v6).is_some());
    }
}

//! Prefixes that the operator knows to be shared by many, such as those of a hosting company.

use super::Origin;
use ipnet::IpNet;
use std::{net::IpAddr, str::FromStr};

/// A prefix that the operator trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(try_from = "String")
)]
pub struct TrustedPrefix {
    /// The addresses.
    pub prefix: IpNet,
    /// How many servers they may list together; `None` for any number.
    pub rows: Option<usize>,
}

/// The text is not a prefix with or without a number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a prefix: write 192.0.2.0/24, 2001:db8::/32=500 or none")]
pub struct InvalidPrefix;

/// Parses a prefix or a single address, with `=ROWS` or without.
impl FromStr for TrustedPrefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let (prefix, rows) = match text.split_once('=') {
            Some((prefix, rows)) => (prefix, Some(rows.parse().map_err(|_| InvalidPrefix)?)),
            None => (text, None),
        };
        let prefix = prefix.parse::<IpNet>().or_else(|_| {
            let address = prefix.parse::<IpAddr>();
            address.map(IpNet::from).map_err(|_| InvalidPrefix)
        })?;
        Ok(Self {
            prefix: prefix.trunc(),
            rows,
        })
    }
}

impl TryFrom<String> for TrustedPrefix {
    type Error = InvalidPrefix;

    fn try_from(text: String) -> Result<Self, InvalidPrefix> {
        text.parse()
    }
}

/// All trusted prefixes: by default loopback, link-local and private ones, with any number of
/// rows.
///
/// ```
/// use metaserve::bounds::Trusted;
///
/// let trusted = Trusted::default().and(["203.0.113.0/24=500".parse()?]);
/// let known = trusted.covering("203.0.113.7".parse()?).unwrap();
/// assert_eq!(known.rows, Some(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted(Vec<TrustedPrefix>);

/// RFC 1122, 1918, 3927, 4193, 4291.
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl Default for Trusted {
    fn default() -> Self {
        let private = PRIVATE.iter().filter_map(|prefix| prefix.parse().ok());
        Self(private.collect())
    }
}

impl Trusted {
    /// No prefix is trusted, not even private ones.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds these prefixes.
    #[must_use]
    pub fn and(mut self, prefixes: impl IntoIterator<Item = TrustedPrefix>) -> Self {
        self.0.extend(prefixes);
        self
    }

    /// The narrowest prefix that covers an address.
    #[must_use]
    pub fn covering(&self, address: IpAddr) -> Option<TrustedPrefix> {
        let address = address.to_canonical();
        let covering = self.0.iter().filter(|it| it.prefix.contains(&address));
        covering.max_by_key(|it| it.prefix.prefix_len()).copied()
    }

    /// The origin of an address: a trusted address counts only for itself, not for its neighbours.
    #[must_use]
    pub fn origin(&self, address: IpAddr) -> Origin {
        match self.covering(address) {
            Some(_) => Origin::alone(address),
            None => Origin::new(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_written_with_and_without_rows() {
        for (text, rows, shown) in [
            ("192.0.2.7/24", None, "192.0.2.0/24"),
            ("2001:db8::/32=500", Some(500), "2001:db8::/32"),
            ("192.0.2.7=1", Some(1), "192.0.2.7/32"),
        ] {
            let parsed: TrustedPrefix = text.parse().unwrap();
            assert_eq!(
                (parsed.rows, parsed.prefix.to_string()),
                (rows, shown.into())
            );
        }
        for text in [
            "",
            "none",
            "192.0.2.0/33",
            "192.0.2.0/24=",
            "192.0.2.0/24=x",
        ] {
            assert!(text.parse::<TrustedPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_narrowest_prefix_counts() {
        let more = ["10.1.0.0/16=7", "192.0.2.0/24"].map(|it| it.parse().unwrap());
        let trusted = Trusted::default().and(more);
        let rows = |address: &str| Some(trusted.covering(address.parse().unwrap())?.rows);
        assert_eq!(rows("::ffff:10.1.2.3"), Some(Some(7)));
        assert_eq!(rows("10.2.2.3"), Some(None));
        assert_eq!(rows("198.51.100.1"), None);
        let lone = "127.0.0.1".parse().unwrap();
        assert_eq!(Trusted::default().origin(lone).path().count(), 1);
        assert_eq!(Trusted::none().origin(lone).path().count(), 3);
    }
}

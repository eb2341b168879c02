//! Addresses of servers as the protocol writes them, `tw-0.6+udp://192.0.2.1:8303`
//! (`docs/specifications/ddnet-register.md`, sections 2 and 8).

use std::{cmp::Ordering, fmt, net::SocketAddr, str::FromStr};

/// What a server registers instead of its host: the list puts in the address that the request
/// comes from.
const PLACEHOLDER: &str = "connecting-address.invalid";

/// Which version of the game's protocol is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Teeworlds 0.5.
    Five,
    /// Teeworlds 0.6 and `DDNet`.
    Six,
    /// Teeworlds 0.7.
    Seven,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Five, Self::Six, Self::Seven];

    const fn name(self) -> &'static str {
        match self {
            Self::Five => "tw-0.5+udp",
            Self::Six => "tw-0.6+udp",
            Self::Seven => "tw-0.7+udp",
        }
    }

    /// Splits `SCHEME://REST`.
    fn split(text: &str) -> Option<(Self, &str)> {
        let (name, rest) = text.split_once("://")?;
        let scheme = Self::ALL.into_iter().find(|it| it.name() == name)?;
        Some((scheme, rest))
    }
}

/// Where a server can be joined, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address, [canonical](metaserve::address::canonical).
    pub at: SocketAddr,
    /// The protocol that is spoken there.
    pub scheme: Scheme,
}

impl Ord for Address {
    /// In the order of the list: IPv4 before IPv6, then by port and version
    /// (`docs/specifications/ddnet-register.md`, section 8).
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.at.is_ipv6(), it.at.port(), it.scheme, it.at);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.at)
    }
}

/// The text is no address of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address such as tw-0.6+udp://192.0.2.1:8303")]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = Scheme::split(text).ok_or(InvalidAddress)?;
        let at = rest.parse().map_err(|_| InvalidAddress)?;
        Ok(Self { at, scheme })
    }
}

/// Reads what a server registers: the scheme, and the port of the address that it connects from.
pub(super) fn registered(text: &str) -> Option<(Scheme, u16)> {
    let (scheme, rest) = Scheme::split(text)?;
    let port = rest.strip_prefix(PLACEHOLDER)?.strip_prefix(':')?;
    if !port.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((scheme, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_placeholder_with_a_port_can_be_registered() {
        let table = [
            (
                "tw-0.6+udp://connecting-address.invalid:8303",
                Some((Scheme::Six, 8303)),
            ),
            (
                "tw-0.7+udp://connecting-address.invalid:65535",
                Some((Scheme::Seven, 65535)),
            ),
            (
                "tw-0.5+udp://connecting-address.invalid:1",
                Some((Scheme::Five, 1)),
            ),
            ("tw-0.6+udp://connecting-address.invalid:0", None),
            ("tw-0.6+udp://connecting-address.invalid:65536", None),
            ("tw-0.6+udp://connecting-address.invalid:+83", None),
            ("tw-0.6+udp://connecting-address.invalid:", None),
            ("tw-0.6+udp://connecting-address.invalid", None),
            ("tw-0.6+udp://connecting-address.invalid:8303/", None),
            ("tw-0.6+udp://203.0.113.9:8303", None),
            ("tw-0.8+udp://connecting-address.invalid:8303", None),
            ("ddper-0.6+quic://connecting-address.invalid:8303", None),
            ("http://connecting-address.invalid:8303", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(registered(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_sorted_as_clients_expect() {
        let mut addresses: Vec<Address> = [
            "tw-0.6+udp://[::1]:8303",
            "tw-0.7+udp://127.0.0.1:8303",
            "tw-0.6+udp://127.0.0.2:8304",
            "tw-0.6+udp://127.0.0.1:8303",
            "tw-0.5+udp://[::1]:8302",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        addresses.sort();
        let sorted: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            sorted,
            [
                "tw-0.6+udp://127.0.0.1:8303",
                "tw-0.7+udp://127.0.0.1:8303",
                "tw-0.6+udp://127.0.0.2:8304",
                "tw-0.5+udp://[::1]:8302",
                "tw-0.6+udp://[::1]:8303",
            ]
        );
    }
}

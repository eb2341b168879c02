//! Addresses: their families, their written form, and whether players can join there.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// An address family. A server that is reached over both has two addresses in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, including IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`).
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address in the form that players write: IPv4 is not shown inside IPv6.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Players cannot join a server at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("players cannot join at {address}: {reason}")]
pub struct NotJoinable {
    /// The address, [`canonical`].
    pub address: SocketAddr,
    reason: &'static str,
}

/// Returns the [`canonical`] address if players can join there: for addresses that a peer states,
/// and that no handshake has proved.
///
/// It refuses port 0 and addresses that name no single machine to a reader of the list:
/// unspecified addresses and the rest of `0.0.0.0/8`, multicast, broadcast and the rest of
/// `240.0.0.0/4`, link-local addresses (the list has no interface to go with them), protocol
/// assignments (`192.0.0.0/24`), the discard and dummy prefixes `100::/64` and `100:0:0:1::/64`,
/// IPv4-compatible IPv6 addresses, and IPv6 addresses that lead to one of these IPv4 addresses
/// (mapped, NAT64, 6to4). Source: the registries of special-purpose addresses at IANA (RFC 6890),
/// with link-local addresses and multicast in addition.
///
/// It accepts loopback and private addresses, since a list may serve one machine or one network,
/// and the prefixes for documentation and benchmarks, which examples and tests use.
///
/// # Errors
/// When players cannot join there.
pub fn joinable(address: SocketAddr) -> Result<SocketAddr, NotJoinable> {
    let address = canonical(address);
    let reason = match address.port() {
        0 => Some("a port must be 1 to 65535"),
        _ => obstacle(address.ip()),
    };
    reason.map_or(Ok(address), |reason| Err(NotJoinable { address, reason }))
}

fn obstacle(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => obstacle_v4(ip),
        IpAddr::V6(ip) => obstacle_v6(ip),
    }
}

fn obstacle_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        [0, ..] => Some("0.0.0.0/8 names no machine"),
        [169, 254, ..] => Some("169.254.0.0/16 is link-local"),
        [192, 0, 0, _] => Some("192.0.0.0/24 is for protocols, not for machines"),
        [224..=239, ..] => Some("224.0.0.0/4 is multicast"),
        [240..=255, ..] => Some("240.0.0.0/4 is reserved or broadcast"),
        _ => None,
    }
}

fn obstacle_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        obstacle_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => None,
        [0, 0, 0, 0, 0, 0, ..] => Some("::/96 names no machine"),
        [0, 0, 0, 0, 0, 0xffff, high, low] => within(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => within(high, low),
        [0x2002, high, low, ..] => within(high, low),
        [0x100, 0, 0, 0, ..] => Some("100::/64 discards what is sent there"),
        [0x100, 0, 0, 1, ..] => Some("100:0:0:1::/64 names no machine"),
        [0xfe80..=0xfebf, ..] => Some("fe80::/10 is link-local"),
        [0xff00..=0xffff, ..] => Some("ff00::/8 is multicast"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_nobody_can_join_are_refused() {
        for (address, fits) in [
            ("192.0.2.1:5000", true),
            ("10.0.0.1:1", true),
            ("127.0.0.1:65535", true),
            ("100.64.0.1:5", true),
            ("192.168.1.255:5", true),
            ("192.0.2.1:0", false),
            ("0.0.0.0:5000", false),
            ("0.1.2.3:5", false),
            ("169.254.1.1:5", false),
            ("192.0.0.8:5", false),
            ("192.0.1.8:5", true),
            ("223.255.255.255:5", true),
            ("224.0.0.1:5", false),
            ("239.255.255.250:1900", false),
            ("240.0.0.1:5", false),
            ("255.255.255.255:5", false),
            ("[::1]:5", true),
            ("[2001:db8::1]:5", true),
            ("[fc00::1]:5", true),
            ("[fec0::1]:5", true),
            ("[::1]:0", false),
            ("[::]:5", false),
            ("[::2]:5", false),
            ("[::192.0.2.1]:5", false),
            ("[fe80::1]:5", false),
            ("[fe80::1%3]:5", false),
            ("[febf::1]:5", false),
            ("[ff02::1]:5000", false),
            ("[ff0e::1]:5", false),
            ("[100::1]:5", false),
            ("[100::1:2:3:4]:5", false),
            ("[100:0:0:1::1]:5", false),
            ("[100:0:0:2::1]:5", true),
            ("[::ffff:192.0.2.1]:5000", true),
            ("[::ffff:192.0.2.1]:0", false),
            ("[::ffff:0.0.0.0]:5", false),
            ("[::ffff:255.255.255.255]:5", false),
            ("[::ffff:169.254.0.1]:5", false),
            ("[64:ff9b::192.0.2.1]:5", true),
            ("[64:ff9b::224.0.0.1]:5", false),
            ("[2002:c000:201::1]:5", true),
            ("[2002:e000:1::]:5", false),
        ] {
            let stated: SocketAddr = address.parse().unwrap();
            assert_eq!(joinable(stated).is_ok(), fits, "{address}");
        }
    }

    #[test]
    fn an_address_is_accepted_as_players_write_it() {
        let mapped = "[::ffff:192.0.2.1]:5000".parse().unwrap();
        assert_eq!(joinable(mapped), Ok("192.0.2.1:5000".parse().unwrap()));
    }

    #[test]
    fn a_refusal_names_the_address_and_the_reason() {
        let refused = joinable("[::ffff:240.0.0.1]:5".parse().unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "players cannot join at 240.0.0.1:5: 240.0.0.0/4 is reserved or broadcast"
        );
    }
}

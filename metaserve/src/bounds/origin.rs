//! The origin of a connection in the tree of prefixes. Pure.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The prefixes that a connection counts for, from the widest to the *leaf*.
///
/// A leaf is the smallest prefix that a provider gives to a customer: an IPv4 address, or an IPv6
/// /64. An IPv4 address inside IPv6 counts as the IPv4 address.
///
/// ```
/// use metaserve::bounds::Origin;
///
/// // Two addresses of one IPv6 /64 count as one.
/// let first = Origin::new("2001:db8::1".parse()?);
/// let second = Origin::new("2001:db8::2".parse()?);
/// assert_eq!(first.leaf(), second.leaf());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    kind: Kind,
    /// The address, or the part of it that a leaf has, from the highest bit.
    bits: u64,
}

/// A range of addresses: a branch or a leaf of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    kind: Kind,
    len: u8,
    bits: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    V4,
    V6,
    /// Leaves without neighbours: they are branches of the root.
    AloneV4,
    AloneV6,
    Named,
}

impl Kind {
    const fn lens(self) -> &'static [u8] {
        match self {
            Self::V4 => &[16, 24, 32],
            Self::V6 => &[32, 48, 56, 64],
            Self::AloneV4 => &[32],
            Self::AloneV6 | Self::Named => &[64],
        }
    }
}

impl Origin {
    /// An address that counts for itself and for the networks around it: IPv4 /24 and /16, IPv6
    /// /56, /48 and /32.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self {
                kind: Kind::V4,
                bits: u64::from(address.to_bits()) << 32,
            },
            IpAddr::V6(address) => Self {
                kind: Kind::V6,
                bits: (address.to_bits() >> 64) as u64,
            },
        }
    }

    /// An address that counts only for itself and not for its neighbours: one that the operator
    /// knows to be shared, such as an address of a hosting company.
    #[must_use]
    pub fn alone(address: IpAddr) -> Self {
        let Self { kind, bits } = Self::new(address);
        let kind = match kind {
            Kind::V6 => Kind::AloneV6,
            _ => Kind::AloneV4,
        };
        Self { kind, bits }
    }

    /// A holder known by something other than an address, such as a certificate that the operator
    /// trusts. Each name counts for itself.
    #[must_use]
    pub const fn named(name: u64) -> Self {
        Self {
            kind: Kind::Named,
            bits: name,
        }
    }

    /// The narrowest prefix that it counts for.
    #[must_use]
    pub fn leaf(self) -> Prefix {
        let lens = self.kind.lens();
        self.prefix(lens[lens.len() - 1])
    }

    /// The prefixes that it counts for, from the widest to the leaf: at most four.
    pub fn path(self) -> impl DoubleEndedIterator<Item = Prefix> {
        self.kind.lens().iter().map(move |len| self.prefix(*len))
    }

    /// The prefixes that share rows of the list: the leaf, and the network around it (IPv4 /24,
    /// IPv6 /48).
    pub(super) fn rows(self) -> (Prefix, Prefix) {
        let len = match self.kind {
            Kind::V4 | Kind::AloneV4 => 24,
            Kind::V6 | Kind::AloneV6 | Kind::Named => 48,
        };
        (self.leaf(), self.prefix(len))
    }

    const fn prefix(self, len: u8) -> Prefix {
        Prefix {
            kind: self.kind,
            len,
            bits: self.bits & (u64::MAX << (64 - len)),
        }
    }
}

impl Prefix {
    pub(super) fn is_leaf(self) -> bool {
        self.origin().leaf() == self
    }

    /// The origin that counts for this leaf.
    pub(super) const fn origin(self) -> Origin {
        let Self { kind, bits, .. } = self;
        Origin { kind, bits }
    }
}

/// Written as people do: `192.0.2.1` for a whole address, `192.0.2.0/24`, `2001:db8::/64`.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, len, bits } = *self;
        match kind {
            Kind::V4 | Kind::AloneV4 => {
                let address = Ipv4Addr::from_bits((bits >> 32) as u32);
                match len {
                    32 => write!(f, "{address}"),
                    _ => write!(f, "{address}/{len}"),
                }
            }
            Kind::V6 | Kind::AloneV6 => {
                let address = Ipv6Addr::from_bits(u128::from(bits) << 64);
                write!(f, "{address}/{len}")
            }
            Kind::Named => write!(f, "name {bits:016x}"),
        }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_for_the_networks_around_it() {
        let path = |text: &str| {
            let path = Origin::new(text.parse().unwrap()).path();
            path.map(|it| it.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(path("192.0.2.1"), "192.0.0.0/16 192.0.2.0/24 192.0.2.1");
        assert_eq!(path("::ffff:192.0.2.1"), path("192.0.2.1"));
        assert_eq!(
            path("2001:db8:1:203::4"),
            "2001:db8::/32 2001:db8:1::/48 2001:db8:1:200::/56 2001:db8:1:203::/64"
        );
    }

    #[test]
    fn an_address_that_counts_alone_has_no_neighbours() {
        let address = "192.0.2.1".parse().unwrap();
        let [alone, among] = [Origin::alone(address), Origin::new(address)];
        assert_eq!(alone.path().count(), 1);
        assert_ne!(alone.leaf(), among.leaf());
        assert_eq!(alone.leaf().to_string(), "192.0.2.1");
        let [six, next] = ["2001:db8::1", "2001:db8:0:1::1"].map(|it| it.parse().unwrap());
        assert_eq!(Origin::alone(six).leaf().to_string(), "2001:db8::/64");
        assert_ne!(Origin::alone(six).leaf(), Origin::alone(next).leaf());
        assert_ne!(Origin::named(1).leaf(), Origin::named(2).leaf());
    }
}

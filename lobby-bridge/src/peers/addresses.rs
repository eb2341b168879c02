//! Which addresses of servers a master lists, and as which.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    str::FromStr,
};

use metaserve::address::joinable;

/// Servers at which addresses may be listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those that everybody can reach.
    Public,
    /// Also those of private networks, such as 192.168.0.0/16.
    #[default]
    Private,
    /// Also those of this machine.
    Any,
}

impl FromStr for Reach {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            "any" => Ok(Self::Any),
            _ => Err("write `public`, `private` or `any`"),
        }
    }
}

impl Reach {
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Private => !ip.is_loopback(),
            Self::Public => !ip.is_loopback() && !is_private(ip),
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let is_shared = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_private() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// Shows servers at one address under another: `A[:PORT]=B[:PORT]`, for servers in the master's own
/// network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    from: (Ipv4Addr, Option<u16>),
    to: (Ipv4Addr, Option<u16>),
}

impl FromStr for Mapping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| {
            let whole = text.parse::<SocketAddrV4>();
            let whole = whole.map(|it| (*it.ip(), Some(it.port())));
            whole.or_else(|_| text.parse().map(|ip| (ip, None))).ok()
        };
        let sides = text.split_once('=');
        let sides = sides.and_then(|(from, to)| side(from).zip(side(to)));
        let (from, to) = sides
            .ok_or("write A[:PORT]=B[:PORT] with IPv4 addresses, such as 10.0.0.5=192.0.2.1")?;
        let is_none = |(ip, port): (Ipv4Addr, Option<u16>)| ip.is_unspecified() || port == Some(0);
        match is_none(from) || is_none(to) || to.0.is_loopback() {
            true => Err("0.0.0.0, port 0, and loopback on the right are not addresses of servers"),
            false => Ok(Self { from, to }),
        }
    }
}

/// The operator's choice of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Which addresses may be listed as they are.
    pub reach: Reach,
    /// Which are shown as others.
    pub mappings: Vec<Mapping>,
}

impl Addresses {
    /// The address under which a server is shown; `None` if it may not be listed.
    #[must_use]
    pub fn shown(&self, server: SocketAddr) -> Option<SocketAddr> {
        let server = joinable(server).ok()?;
        match self.mapped(server) {
            Some(shown) => Some(shown),
            None => self.reach.allows(server.ip()).then_some(server),
        }
    }

    /// The most precise mapping wins.
    fn mapped(&self, server: SocketAddr) -> Option<SocketAddr> {
        let SocketAddr::V4(server) = server else {
            return None;
        };
        let fits = |it: &&Mapping| {
            it.from.0 == *server.ip() && it.from.1.is_none_or(|port| port == server.port())
        };
        let fitting = self.mappings.iter().filter(fits);
        let Mapping { to: (ip, port), .. } = fitting.max_by_key(|it| it.from.1.is_some())?;
        Some(SocketAddr::from((*ip, port.unwrap_or(server.port()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_listed_by_reach() {
        // (address, public, private, any)
        let table = [
            ("192.0.2.1:27960", true, true, true),
            ("[2001:db8::1]:27960", true, true, true),
            ("192.168.1.2:27960", false, true, true),
            ("100.64.0.1:27960", false, true, true),
            ("[fd00::1]:27960", false, true, true),
            ("127.0.0.1:27960", false, false, true),
            ("[::ffff:127.0.0.1]:27960", false, false, true),
            ("[::1]:27960", false, false, true),
            ("0.0.0.0:27960", false, false, false),
            ("224.0.0.1:27960", false, false, false),
            ("[fe80::1]:27960", false, false, false),
        ];
        for (address, public, private, any) in table {
            let shown = [Reach::Public, Reach::Private, Reach::Any].map(|reach| {
                let addresses = Addresses {
                    reach,
                    mappings: Vec::new(),
                };
                addresses.shown(address.parse().unwrap()).is_some()
            });
            assert_eq!(shown, [public, private, any], "{address}");
        }
    }

    #[test]
    fn the_most_precise_mapping_wins() {
        let mappings = [
            "10.0.0.5=192.0.2.1",
            "10.0.0.5:27961=192.0.2.2:7",
            "127.0.0.1=192.0.2.3",
        ];
        let addresses = Addresses {
            reach: Reach::Public,
            mappings: mappings.map(|it| it.parse().unwrap()).to_vec(),
        };
        let shown = |text: &str| {
            addresses
                .shown(text.parse().unwrap())
                .map(|it| it.to_string())
        };
        assert_eq!(shown("10.0.0.5:27960").as_deref(), Some("192.0.2.1:27960"));
        assert_eq!(shown("10.0.0.5:27961").as_deref(), Some("192.0.2.2:7"));
        assert_eq!(shown("127.0.0.1:1").as_deref(), Some("192.0.2.3:1"));
        assert_eq!(shown("10.0.0.6:1"), None);
        for wrong in [
            "10.0.0.5",
            "a=b",
            "0.0.0.0=192.0.2.1",
            "10.0.0.5=127.0.0.1",
            "[::1]=192.0.2.1",
        ] {
            assert!(wrong.parse::<Mapping>().is_err(), "{wrong}");
        }
    }
}

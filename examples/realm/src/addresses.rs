//! From which address a request comes, also through proxies. Pure.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::{fmt, net::IpAddr};

/// The header with the addresses of a client and of proxies.
pub(crate) const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which a gateway shows the ticket of its role, so that what it says of a client's
/// address is believed.
pub(crate) const SHOWN: HeaderName = HeaderName::from_static("realm-service");

/// From where a request comes. Written as [`FORWARDED`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The address of the client, or that of a proxy that does not say whose request it is.
    pub(crate) address: IpAddr,
    /// It is on the machine of this process or of a proxy that is believed.
    pub(crate) is_local: bool,
}

/// The client: the peer, or what proxies that are believed say of it in [`FORWARDED`]. Those are the
/// ones of this machine, and `proxies`. Each adds the address of its own peer at the end, so the
/// last one that is not a proxy's counts: what comes before it, anybody can write.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Client {
    let is_proxy = |address: IpAddr| {
        address.is_loopback() || proxies.iter().any(|prefix| prefix.contains(&address))
    };
    let lines = headers.get_all(FORWARDED).iter();
    let named: Vec<_> = lines
        .flat_map(|it| it.to_str().unwrap_or_default().split(','))
        .map(|it| it.trim().parse::<IpAddr>())
        .collect();
    let mut address = peer.to_canonical();
    let mut is_known = true;
    for next in named.into_iter().rev() {
        if !is_proxy(address) {
            break;
        }
        let Ok(next) = next else {
            is_known = false;
            break;
        };
        address = next.to_canonical();
    }
    Client {
        address,
        is_local: is_known && address.is_loopback(),
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.is_loopback() && !self.is_local {
            true => formatter.write_str("unknown"),
            false => self.address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let proxies = proxies.iter().map(|it| it.parse().unwrap());
        let proxies: Vec<_> = proxies.collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_their_address() {
        assert_eq!(of("203.0.113.9", &["192.0.2.1"], &[]), "203.0.113.9");
        // The gateway on this machine adds the true one at the end.
        let forged = ["192.0.2.1, 203.0.113.9"];
        assert_eq!(of("127.0.0.1", &forged, &[]), "203.0.113.9");
        let forged = ["192.0.2.1", "203.0.113.9"];
        assert_eq!(of("127.0.0.1", &forged, &[]), "203.0.113.9");
    }

    #[test]
    fn proxies_are_believed_in_a_row() {
        let forwarded = ["192.0.2.1, 10.0.0.2"];
        assert_eq!(of("10.0.0.3", &forwarded, &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(
            of("::ffff:10.0.0.3", &forwarded, &["10.0.0.0/8"]),
            "192.0.2.1"
        );
        assert_eq!(of("10.0.0.3", &forwarded, &["10.0.0.3/32"]), "10.0.0.2");
    }

    #[test]
    fn garbage_is_not_believed() {
        assert_eq!(of("127.0.0.1", &["192.0.2.1, nonsense"], &[]), "unknown");
        assert_eq!(of("10.0.0.3", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.3");
        assert_eq!(of("127.0.0.1", &[], &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["127.0.0.1"], &[]), "127.0.0.1");
    }
}

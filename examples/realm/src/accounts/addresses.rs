//! From which address a request comes, also through proxies. Pure.

use ipnet::IpNet;
use std::net::IpAddr;

/// The address of the client: the peer's, or what proxies that are believed say of it in
/// `X-Forwarded-For`. Each proxy adds the address of its own peer at the end, so the last one that
/// is not a proxy's counts: what comes before it, anybody can write.
pub(super) fn client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    proxies: &[IpNet],
) -> IpAddr {
    let is_proxy = |address: IpAddr| {
        address.is_loopback() || proxies.iter().any(|prefix| prefix.contains(&address))
    };
    let mut client = peer.to_canonical();
    let mut named = forwarded.flat_map(|it| it.split(',')).rev();
    while is_proxy(client) {
        let Some(Ok(next)) = named.next().map(|it| it.trim().parse::<IpAddr>()) else {
            break;
        };
        client = next.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let proxies = proxies.iter().map(|it| it.parse().unwrap());
        let proxies: Vec<_> = proxies.collect();
        client(peer.parse().unwrap(), forwarded.iter().copied(), &proxies).to_string()
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
        assert_eq!(of("127.0.0.1", &["192.0.2.1, nonsense"], &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &[], &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["127.0.0.1"], &[]), "127.0.0.1");
    }
}

//! What a master answers (`docs/specifications/ddnet-register.md`, section 15).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use metaserve_query::teeworlds::packets::{Token, message};

/// The most servers in one datagram.
pub const PER_DATAGRAM: usize = 75;

/// The bytes of one server in a list.
pub const ITEM_BYTES: usize = 18;

/// Writes a list: as many datagrams as it takes, and one if there is no server.
#[must_use]
pub fn list(to: Token, from: Token, servers: &[SocketAddr]) -> Vec<Bytes> {
    let datagram = |servers: &[SocketAddr]| {
        let items: Vec<u8> = servers.iter().flat_map(|it| item(*it)).collect();
        message(to, from, *b"lis2", &items).into()
    };
    match servers {
        [] => vec![datagram(&[])],
        servers => servers.chunks(PER_DATAGRAM).map(datagram).collect(),
    }
}

/// Says how many servers there are; more than 65,535 are said to be so many.
#[must_use]
pub fn count(to: Token, from: Token, servers: usize) -> Bytes {
    let count = u16::try_from(servers).unwrap_or(u16::MAX);
    message(to, from, *b"siz2", &count.to_be_bytes()).into()
}

/// IPv4 addresses are written inside IPv6.
fn item(server: SocketAddr) -> [u8; ITEM_BYTES] {
    let ip = match server.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut item = [0; ITEM_BYTES];
    item[..16].copy_from_slice(&ip.octets());
    item[16..].copy_from_slice(&server.port().to_be_bytes());
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (servers, datagrams, bytes of the last)
    #[test]
    fn a_datagram_has_75_servers_and_none_is_too_long() {
        let table = [
            (0, 1, 17),
            (1, 1, 35),
            (75, 1, 1_367),
            (76, 2, 35),
            (150, 2, 1_367),
        ];
        for (servers, count, last) in table {
            let servers: Vec<_> = (1..=servers)
                .map(|port| SocketAddr::from(([192, 0, 2, 1], port)))
                .collect();
            let list = list([1; 4], [2; 4], &servers);
            let lengths = (list.len(), list.last().map(Bytes::len));
            assert_eq!(lengths, (count, Some(last)));
            assert!(list.iter().all(|it| it.len() <= 1_367));
        }
    }

    #[test]
    fn a_list_as_recorded() {
        let server = "127.0.0.1:27313".parse().unwrap();
        let expected = b"\x21\xf8\x5b\x1f\x54\x11\x22\x33\x44\xff\xff\xff\xfflis2\
            \0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x6a\xb1";
        let list = list(
            [0xf8, 0x5b, 0x1f, 0x54],
            [0x11, 0x22, 0x33, 0x44],
            &[server],
        );
        assert_eq!(list, [Bytes::from_static(expected)]);
    }

    #[test]
    fn both_families_are_written_and_counted() {
        let servers = ["[2001:db8::1]:8303", "192.0.2.1:8304"].map(|it| it.parse().unwrap());
        let list = list([0; 4], [0; 4], &servers);
        let items = &list[0][17..];
        assert_eq!(items[..4], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(items[16..18], 8303_u16.to_be_bytes());
        assert_eq!(items[28..34], [0xff, 0xff, 192, 0, 2, 1][..6]);
        let counted = |servers| count([0; 4], [0; 4], servers)[17..].to_vec();
        assert_eq!(counted(258), [1, 2]);
        assert_eq!(counted(70_000), [0xff, 0xff]);
    }
}

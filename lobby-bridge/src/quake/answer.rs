//! Lists as clients get them (`docs/specifications/quake3-master.md`, section 7).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::message::MARK;

/// The longest datagram of a list.
pub const MAX_BYTES: usize = 1_400;

/// The end of a list, in its last datagram only.
const END: &[u8] = b"\\EOT\0\0\0";

/// What every datagram of a list ends with, except the last: without it, OpenArena's client and
/// quakestat lose the last server of the datagram.
const MORE: u8 = b'\\';

/// Writes a list.
#[must_use]
pub fn datagrams(servers: impl IntoIterator<Item = SocketAddr>, is_extended: bool) -> Vec<Bytes> {
    let word: &[u8] = match is_extended {
        true => b"getserversExtResponse",
        false => b"getserversResponse",
    };
    let head = [MARK, word].concat();
    let (mut datagrams, mut current) = (Vec::new(), head.clone());
    for server in servers {
        let item = item(server);
        if current.len() + item.len() + 1 > MAX_BYTES {
            current.push(MORE);
            datagrams.push(std::mem::replace(&mut current, head.clone()).into());
        }
        current.extend(item);
    }
    if current.len() + END.len() > MAX_BYTES {
        current.push(MORE);
        datagrams.push(std::mem::replace(&mut current, head).into());
    }
    current.extend(END);
    datagrams.push(current.into());
    datagrams
}

/// Writes a list of IPv4 addresses that has nothing but a head in each datagram, as `QuakeWorld` has
/// it. Others are left out.
#[must_use]
pub fn bare(servers: impl IntoIterator<Item = SocketAddr>, head: &[u8]) -> Vec<Bytes> {
    let items: Vec<[u8; 6]> = servers.into_iter().filter_map(bare_item).collect();
    let per_datagram = (MAX_BYTES - head.len()) / 6;
    if items.is_empty() {
        return vec![Bytes::copy_from_slice(head)];
    }
    let datagram = |items: &[[u8; 6]]| [head, items.as_flattened()].concat().into();
    items.chunks(per_datagram).map(datagram).collect()
}

fn bare_item(server: SocketAddr) -> Option<[u8; 6]> {
    let SocketAddr::V4(server) = server else {
        return None;
    };
    let ([a, b, c, d], [high, low]) = (server.ip().octets(), server.port().to_be_bytes());
    Some([a, b, c, d, high, low])
}

fn item(server: SocketAddr) -> Vec<u8> {
    let port = server.port().to_be_bytes();
    match server.ip() {
        IpAddr::V4(ip) => [b"\\".as_slice(), &ip.octets(), &port].concat(),
        IpAddr::V6(ip) => [b"/".as_slice(), &ip.octets(), &port].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(v4: u16, v6: u16) -> Vec<SocketAddr> {
        let four = (1..=v4).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let six = (1..=v6).map(|port| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port)));
        four.chain(six).collect()
    }

    #[test]
    fn an_empty_list_is_header_and_mark() {
        let expected = b"\xff\xff\xff\xffgetserversResponse\\EOT\0\0\0";
        assert_eq!(datagrams([], false), [Bytes::from_static(expected)]);
    }

    #[test]
    fn a_list_as_recorded() {
        let server = "127.0.0.1:27961".parse().unwrap();
        let expected = b"\xff\xff\xff\xffgetserversResponse\\\x7f\0\0\x01\x6d\x39\\EOT\0\0\0";
        assert_eq!(datagrams([server], false), [Bytes::from_static(expected)]);
        assert_eq!(expected.len(), 36);
    }

    #[test]
    fn a_bare_list_is_head_and_addresses() {
        let head = b"\xff\xff\xff\xffd\n";
        assert_eq!(bare([], head), [Bytes::from_static(head)]);
        let expected = b"\xff\xff\xff\xffd\n\xc0\x00\x02\x01\x00\x01";
        assert_eq!(bare(servers(1, 1), head), [Bytes::from_static(expected)]);
        let lengths = |count| bare(servers(count, 0), head).into_iter().map(|it| it.len());
        assert!(lengths(232).eq([1_398]));
        assert!(lengths(233).eq([1_398, 12]));
    }

    /// (IPv4 servers, IPv6 servers, extended, datagrams, bytes of the first)
    #[test]
    fn datagrams_are_filled_and_marked() {
        let table = [
            (195, 0, false, 1, 22 + 195 * 7 + 7),
            // The mark does not fit, so it goes alone.
            (196, 0, false, 2, 22 + 196 * 7 + 1),
            (197, 0, false, 2, 22 + 196 * 7 + 1),
            (0, 72, true, 1, 25 + 72 * 19 + 7),
            (0, 73, true, 2, 25 + 72 * 19 + 1),
            (450, 120, true, 4, 25 + 196 * 7 + 1),
        ];
        for (v4, v6, is_extended, count, first) in table {
            let datagrams = datagrams(servers(v4, v6), is_extended);
            assert_eq!(
                (datagrams.len(), datagrams[0].len()),
                (count, first),
                "{v4} {v6}"
            );
            let (last, others) = datagrams.split_last().unwrap();
            assert!(last.ends_with(END) && last.len() <= MAX_BYTES);
            for other in others {
                assert!(other.ends_with(b"\\") && other.len() <= MAX_BYTES);
                assert!(!other.ends_with(END));
            }
        }
    }
}

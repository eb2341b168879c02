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

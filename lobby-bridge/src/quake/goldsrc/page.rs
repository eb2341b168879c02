//! A page of a list, as clients ask for it and as it is written
//! (`docs/specifications/goldsrc-master.md`, section 5).

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::filter::Filter;
use crate::quake::{answer::MAX_BYTES, info::Info, message::MARK};

/// What each page begins with.
const HEAD: &[u8] = b"f\n";

/// The region that stands for all of them.
const WORLD: u8 = 0xff;

/// What stands before a repeated key.
const KEY: u8 = 0x7f;

/// How many addresses a page has at most, with room for a repeated key and the end of the list.
pub(in crate::quake) const SIZE: usize = (MAX_BYTES - MARK.len() - HEAD.len() - 6 - 6) / 6;

/// A client's request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    region: u8,
    /// The last address of the page before; `None` for the first page.
    pub(in crate::quake) after: Option<SocketAddrV4>,
    filter: Filter<'a>,
}

impl<'a> Page<'a> {
    /// Reads what follows `1`; `None` if it is malformed. The last zero byte may be missing.
    pub(super) fn read(request: &'a [u8]) -> Option<Self> {
        let (&region, rest) = request.split_first()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (after, filter) = (str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]);
        let after = match after {
            "" => None,
            text => text.parse::<SocketAddrV4>().ok(),
        };
        // Old clients ask for `0.0.0.0:0`, the oldest for nothing.
        let after = after.filter(|it| *it.ip() != Ipv4Addr::UNSPECIFIED);
        let filter = filter.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Self {
            region,
            after,
            filter: Filter::read(filter),
        })
    }

    /// Whether a server at this address is in the list.
    pub(in crate::quake) fn wants(&self, info: &Info, address: SocketAddrV4) -> bool {
        let region = info.fact("region").and_then(|it| it.parse::<u8>().ok());
        // A server that names no region is in all of them.
        let is_there = self.region == WORLD
            || region.is_none_or(|region| region == WORLD || region == self.region);
        is_there && self.filter.wants(info, address)
    }

    /// Whether only one server of each IP address is wanted.
    pub(in crate::quake) fn wants_one_per_host(&self) -> bool {
        self.filter.one_per_host
    }

    /// The key to be repeated.
    pub(in crate::quake) const fn key(&self) -> Option<u32> {
        self.filter.key
    }
}

/// Writes a page of at most [`SIZE`] addresses. The last one ends with an address of zeros.
pub(in crate::quake) fn write(servers: &[SocketAddrV4], is_last: bool, key: Option<u32>) -> Bytes {
    let mut page = [MARK, HEAD].concat();
    if let Some(key) = key {
        page.push(KEY);
        page.extend(key.to_le_bytes());
        page.push(0);
    }
    for server in servers {
        page.extend(server.ip().octets());
        page.extend(server.port().to_be_bytes());
    }
    if is_last {
        page.extend([0; 6]);
    }
    page.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (request, the address that it goes on from; None if it is malformed)
    #[test]
    fn requests_are_read_as_recorded() {
        let table: [(&[u8], Option<Option<&str>>); 9] = [
            (b"\xff0.0.0.0:0\0\0", Some(None)),
            (b"\0\0\0\0", Some(None)),
            (
                b"\xff192.0.2.1:27015\0\\gamedir\\valve\0",
                Some(Some("192.0.2.1:27015")),
            ),
            (
                b"\xff192.0.2.1:27015\0\\gamedir\\valve",
                Some(Some("192.0.2.1:27015")),
            ),
            (b"\xffnonsense\0\0", Some(None)),
            (b"\xff\0", Some(None)),
            (b"\xff0.0.0.0:0", None),
            (b"\xff", None),
            (b"", None),
        ];
        for (request, after) in table {
            let after = after.map(|it| it.map(|it| it.parse().unwrap()));
            assert_eq!(Page::read(request).map(|it| it.after), after, "{request:?}");
        }
    }

    #[test]
    fn a_full_page_fits_into_a_datagram() {
        let server = "192.0.2.1:27015".parse().unwrap();
        let full = write(&[server; SIZE], true, Some(7));
        assert!(full.len() <= MAX_BYTES, "{}", full.len());
        let expected = b"\xff\xff\xff\xfff\n\xc0\x00\x02\x01\x69\x87\0\0\0\0\0\0";
        assert_eq!(write(&[server], true, None), &expected[..]);
        let key = write(&[], true, Some(0x0102_0304));
        assert_eq!(
            key,
            &b"\xff\xff\xff\xfff\n\x7f\x04\x03\x02\x01\0\0\0\0\0\0\0"[..]
        );
    }
}

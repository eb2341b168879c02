//! Servers of the registry that clients of 0.7 can join. Pure.
//! (`docs/specifications/ddnet-register.md`, sections 14 and 15.)

use std::net::SocketAddr;

use metaserve::ServerInfo;

use super::PROTOCOL;
use crate::{
    ddnet::address::{Address, Scheme},
    peers::Addresses,
};

/// The most addresses that are shown of a server.
const MAX_ADDRESSES: usize = 8;

/// A server of the registry, as clients of 0.7 find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// Where players join it: at least one address.
    pub addresses: Vec<SocketAddr>,
}

/// Reads a server of the registry, which knows it at `known` addresses; `None` if clients of 0.7
/// cannot join it.
///
/// A server that has registered at a list of `DDNet` is shown at its addresses of 0.7. Another one
/// has to say by its version that it speaks 0.7, and is shown at each of its addresses.
#[must_use]
pub fn native(known: &[SocketAddr], info: &ServerInfo, addresses: &Addresses) -> Option<Native> {
    let legacy = info.legacy.as_ref();
    let protocol = legacy.and_then(|it| it.get("protocol")?.as_str());
    let joined: Vec<SocketAddr> = match protocol {
        Some("ddnet") => {
            let stated = legacy.and_then(|it| it.get("addresses")?.as_array());
            let stated = stated.into_iter().flatten();
            let stated = stated.filter_map(|it| it.as_str()?.parse::<Address>().ok());
            let stated = stated
                .filter(|it| it.scheme == Scheme::Seven)
                .map(|it| it.at);
            // Another bridge's word is good only for hosts that the registry knows.
            let is_of_it = |at: &SocketAddr| {
                let mut known = known.iter();
                known.any(|it| it.ip().to_canonical() == at.ip().to_canonical())
            };
            stated.filter(is_of_it).collect()
        }
        Some(PROTOCOL) => known.to_vec(),
        _ if speaks_seven(info) => known.to_vec(),
        _ => return None,
    };
    let shown = joined.into_iter().filter_map(|it| addresses.shown(it));
    let addresses: Vec<SocketAddr> = shown.take(MAX_ADDRESSES).collect();
    (!addresses.is_empty()).then_some(Native { addresses })
}

/// Servers of 0.7 say so in their version.
fn speaks_seven(info: &ServerInfo) -> bool {
    let version = info.version.as_deref();
    version.is_some_and(|version| version.starts_with("0.7"))
}

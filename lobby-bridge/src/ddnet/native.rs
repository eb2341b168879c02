//! Servers of the registry that clients of the old list can join. Pure.
//! (`docs/specifications/ddnet-register.md`, section 14.)

use std::net::SocketAddr;

use metaserve::{ServerInfo, address::joinable};
use metaserve_client::Server;

use super::{
    PROTOCOL,
    address::{Address, Scheme},
    info::Info,
};
use crate::web;

/// The most addresses that are shown of a server.
const MAX_ADDRESSES: usize = 8;

/// A server of the registry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// Where it can be joined: at least one address, sorted.
    pub addresses: Vec<Address>,
    /// What the list says of it.
    pub info: Info,
    /// Its continent, as clients know it: two letters, and perhaps a country.
    pub location: Option<String>,
}

impl Native {
    /// Reads a server; `None` if clients cannot join it.
    #[must_use]
    pub fn read(server: &Server, info: &ServerInfo) -> Option<Self> {
        let legacy = info.legacy.as_ref();
        // A server that has registered at another bridge.
        let registered = legacy.filter(|it| it.get("protocol") == Some(&PROTOCOL.into()));
        let raw = registered.and_then(|it| {
            let raw = it.get("info").filter(|it| it.get("clients").is_some())?;
            Info::parse(raw.to_string().as_bytes()).ok()
        });
        let scheme = scheme(info);
        let reached = server
            .addresses
            .iter()
            .map(|at| Address { at: *at, scheme });
        let stated = registered.and_then(|it| it.get("addresses")?.as_array());
        let stated = stated.into_iter().flatten();
        // Another bridge's word is good only for hosts that the registry knows.
        let is_of_it = |address: &Address| {
            let known = &mut server.addresses.iter();
            known.any(|it| it.ip().to_canonical() == address.at.ip())
        };
        let stated = stated.filter_map(|it| it.as_str()?.parse().ok());
        let mut addresses: Vec<Address> = stated.filter(is_of_it).take(MAX_ADDRESSES).collect();
        if addresses.is_empty() {
            addresses.extend(reached);
        }
        addresses.retain_mut(|it| match joinable(it.at) {
            Ok(at) => {
                it.at = at;
                true
            }
            Err(_) => false,
        });
        addresses.sort_unstable();
        addresses.dedup();
        (!addresses.is_empty()).then(|| Self {
            addresses,
            info: raw.unwrap_or_else(|| Info::of(info)),
            location: info.region.clone().filter(|it| is_location(it)),
        })
    }
}

impl web::Native for Native {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().map(|it| it.at)
    }
}

/// The version of the game's protocol that a server speaks: servers of 0.7 say so in their version.
fn scheme(info: &ServerInfo) -> Scheme {
    match info.version.as_deref() {
        Some(version) if version.starts_with("0.7") => Scheme::Seven,
        _ => Scheme::Six,
    }
}

/// Whether this is a location such as `eu` or `as:cn` (`docs/specifications/ddnet-register.md`,
/// section 8).
fn is_location(text: &str) -> bool {
    let (continent, country) = text.split_once(':').unwrap_or((text, "xx"));
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|it| it.is_ascii_lowercase());
    ["af", "an", "as", "eu", "na", "oc", "sa"].contains(&continent) && letters(country)
}

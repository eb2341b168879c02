//! The client of a request that a reverse proxy passes on.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// The header in which most proxies say for whom they make a request.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The last address of the last header of this name: the one that the proxy itself has seen.
/// Addresses before that are whatever the client has written. Some proxies add the port.
#[must_use]
pub fn forwarded_for(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let last = headers.get_all(name).iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = last.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    let with_port = || last.parse::<SocketAddr>().map(|it| it.ip());
    address
        .or_else(|_| with_port())
        .ok()
        .map(|it| it.to_canonical())
}

/// The address or prefix of reverse proxies that say for whom they make a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyPrefix(pub IpNet);

impl FromStr for ProxyPrefix {
    type Err = String;

    /// Reads an address, or a prefix such as `10.0.0.0/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let prefix = text.parse::<IpNet>().map(|prefix| prefix.trunc());
        let address = || text.parse::<IpAddr>().map(|it| it.to_canonical().into());
        prefix.or_else(|_| address()).map(Self).map_err(|_| {
            "this is not an address or a prefix: write 127.0.0.1 or 10.0.0.0/8".to_owned()
        })
    }
}

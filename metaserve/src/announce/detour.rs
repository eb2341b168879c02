//! Which requests over loopback come from programs of this machine.
//!
//! A reverse proxy on the machine connects over loopback as well, with the requests of the whole
//! network, and so does a browser, with those of any page.

use http::{
    HeaderMap, Request, Version,
    header::{FORWARDED, HOST, VIA},
    uri::Authority,
};
use std::net::IpAddr;

/// Why a request was not made, as far as it says, by a program of this machine to this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detour {
    /// A proxy says that it has passed the request on.
    Forwarded,
    /// It is of HTTP/1.0, and yet it names a host: this is how nginx passes requests on, unless
    /// it is configured otherwise.
    OldVersion,
    /// It is for another host. A proxy passes on what its clients ask for; and a page in a
    /// browser, whose name was made to lead here, has that name (*DNS rebinding*).
    OtherHost,
}

/// Whether a request that came over loopback has made a detour. Only a request for `localhost` or a
/// loopback address, with or without a port, and without a header that proxies add, has not.
///
/// ```
/// use http::Request;
/// use metaserve::announce::{Detour, detour};
///
/// let to = |host: &str| Request::put("/").header("host", host).body(()).unwrap();
/// assert_eq!(detour(&to("127.0.0.1:8080")), None);
/// assert_eq!(detour(&to("list.example.org")), Some(Detour::OtherHost));
/// ```
#[must_use]
pub fn detour<B>(request: &Request<B>) -> Option<Detour> {
    let headers = request.headers();
    if is_forwarded(headers) {
        return Some(Detour::Forwarded);
    }
    let named = headers.get_all(HOST).iter();
    let named = named.map(|host| host.to_str().unwrap_or_default());
    let authority = request.uri().authority().map(Authority::as_str);
    let mut hosts = named.chain(authority).peekable();
    match hosts.peek() {
        // As simple health checks are.
        None if request.version() < Version::HTTP_11 => None,
        None => Some(Detour::OtherHost),
        Some(_) if request.version() < Version::HTTP_11 => Some(Detour::OldVersion),
        Some(_) => (!hosts.all(is_loopback)).then_some(Detour::OtherHost),
    }
}

/// Whether a header says that a proxy has passed the request on.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        [FORWARDED, VIA].contains(name)
            || name == "x-real-ip"
            || name.as_str().starts_with("x-forwarded-")
    })
}

/// Whether `HOST` or `HOST:PORT` is this machine and nothing else.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

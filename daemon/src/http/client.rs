//! Which client a request is from, also behind a reverse proxy.
//!
//! A connection from a proxy that the operator trusts serves one client after the other. For each
//! request, the client is the last address of `X-Forwarded-For`: the one that the proxy itself has
//! seen. Addresses before that are whatever the client has written.

use super::{problem::Problem, web::Web};
use crate::{
    admission::Seat,
    metrics::BannedAt,
    rules::{Limit, Rules, banned_close},
};
use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use metaserve::bounds::Refused;
use parking_lot::Mutex;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// The address that bans and places count for.
    pub(super) address: IpAddr,
    pub(super) way: Way,
}

/// How a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// On a connection of the client's own.
    Direct,
    /// By a proxy that the operator trusts.
    Proxy,
    /// By a proxy, and the client is not known. The address is the proxy's.
    Unknown(Obscured),
}

/// Why the client behind a proxy is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obscured {
    /// The operator has not named the proxy.
    Untrusted,
    /// The operator trusts the proxy, but it does not say for whom it makes the request.
    Silent,
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// What proxies add to a request.
const BY_PROXIES: [&str; 3] = [FORWARDED_FOR, "forwarded", "via"];

impl Client {
    /// The client of a request with these headers, on a connection from `peer`.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let unknown = |why| Self {
            address: peer,
            way: Way::Unknown(why),
        };
        if !proxies.iter().any(|it| it.contains(&peer)) {
            return match BY_PROXIES.iter().any(|it| headers.contains_key(*it)) {
                false => Self::direct(peer),
                true => unknown(Obscured::Untrusted),
            };
        }
        match forwarded_for(headers) {
            Some(address) => Self {
                address,
                way: Way::Proxy,
            },
            None => unknown(Obscured::Silent),
        }
    }

    pub(super) const fn direct(peer: IpAddr) -> Self {
        Self {
            address: peer,
            way: Way::Direct,
        }
    }
}

/// The last address of the last `X-Forwarded-For`. Some proxies add the port.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = last.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    let with_port = || last.parse::<SocketAddr>().map(|it| it.ip());
    address
        .or_else(|_| with_port())
        .ok()
        .map(|it| it.to_canonical())
}

/// One connection, with the place that it takes.
pub(super) struct Caller {
    pub(super) peer: IpAddr,
    held: Mutex<Held>,
}

/// The place of a connection, and the client that it counts for.
struct Held {
    seat: Seat,
    client: IpAddr,
}

impl Caller {
    pub(super) fn new(peer: IpAddr, seat: Seat) -> Arc<Self> {
        let held = Mutex::new(Held { seat, client: peer });
        Arc::new(Self { peer, held })
    }

    /// The client of the latest request.
    pub(super) fn client(&self) -> IpAddr {
        self.held.lock().client
    }

    /// Counts the connection for this client from now on.
    fn serves(&self, client: IpAddr, rules: &Rules) -> Result<(), Refused> {
        let mut held = self.held.lock();
        if held.client != client {
            held.seat
                .move_to(rules.trusted.origin(client), usize::MAX)?;
            held.client = client;
        }
        Ok(())
    }
}

/// Finds out which client a request is from, and whether that may make requests.
pub(super) async fn admit(
    State(web): State<Web>,
    Extension(caller): Extension<Arc<Caller>>,
    mut request: Request,
    next: Next,
) -> Response {
    let rules = web.shared.rules();
    let client = Client::of(caller.peer, request.headers(), &rules.proxies);
    // The peer itself was checked when it connected.
    if client.address != caller.peer
        && let Some(ban) = rules.banned(client.address)
    {
        web.shared.metrics.banned(BannedAt::Http);
        return Problem::new(StatusCode::FORBIDDEN, banned_close(ban).reason).into_response();
    }
    if let Err(why) = caller.serves(client.address, &rules) {
        web.shared.metrics.reached(Limit::MaxHttpConnections);
        let reason = format!("HTTP connections: {why}: try again later");
        return Problem::for_now(10, reason).into_response();
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const PROXY: [u8; 4] = [10, 0, 0, 1];

    fn client(peer: [u8; 4], lines: &[(&'static str, &'static str)]) -> Client {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let proxies = ["10.0.0.0/24".parse().unwrap()];
        Client::of(peer.into(), &headers, &proxies)
    }

    #[test]
    fn a_client_by_itself_is_its_address() {
        let peer = [192, 0, 2, 7];
        assert_eq!(client(peer, &[]), Client::direct(peer.into()));
    }

    #[test]
    fn only_the_last_address_that_a_trusted_proxy_gives_is_believed() {
        for (lines, address) in [
            (&[("x-forwarded-for", "192.0.2.1")][..], "192.0.2.1"),
            (
                &[("x-forwarded-for", "203.0.113.9, 192.0.2.1")],
                "192.0.2.1",
            ),
            (
                &[("x-forwarded-for", "203.0.113.9,192.0.2.1 ")],
                "192.0.2.1",
            ),
            (
                &[
                    ("x-forwarded-for", "192.0.2.1"),
                    ("x-forwarded-for", "192.0.2.2"),
                ],
                "192.0.2.2",
            ),
            (&[("x-forwarded-for", "192.0.2.1:5000")], "192.0.2.1"),
            (&[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            (&[("x-forwarded-for", "[2001:db8::1]")], "2001:db8::1"),
            (&[("x-forwarded-for", "[2001:db8::1]:5000")], "2001:db8::1"),
            (
                &[("via", "1.1 cache"), ("x-forwarded-for", "192.0.2.1")],
                "192.0.2.1",
            ),
        ] {
            let address = address.parse().unwrap();
            let expected = Client {
                address,
                way: Way::Proxy,
            };
            assert_eq!(client(PROXY, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_that_does_not_say_for_whom_hides_the_client() {
        for lines in [
            &[][..],
            &[("x-forwarded-for", "")],
            &[("x-forwarded-for", "192.0.2.1, unknown")],
            &[("x-forwarded-for", "192.0.2.1,")],
            &[("forwarded", "for=192.0.2.1")],
        ] {
            let client = client(PROXY, lines);
            assert_eq!(client.address, IpAddr::from(PROXY), "{lines:?}");
            assert_eq!(client.way, Way::Unknown(Obscured::Silent), "{lines:?}");
        }
    }

    #[test]
    fn what_a_stranger_forwards_is_not_believed() {
        for line in [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("via", "1.1 cache"),
        ] {
            let stranger = client([203, 0, 113, 1], &[line]);
            assert_eq!(stranger.address, IpAddr::from([203, 0, 113, 1]));
            assert_eq!(stranger.way, Way::Unknown(Obscured::Untrusted));
        }
    }
}

//! Which client a request is from, also behind a reverse proxy.
//!
//! A connection from a proxy that the operator trusts serves one client after the other. For each
//! request, the client is the last address of `X-Forwarded-For`: the one that the proxy itself has
//! seen. Addresses before that are whatever the client has written.
//!
//! A request over loopback is taken for one of a program of this machine only if nothing speaks for
//! a proxy: it is for `localhost` or a loopback address, and no proxy has added a header. So a proxy
//! that runs here and that the operator has not named is not mistaken for a game server, and a
//! game server here does not have to go through the proxy that the operator has named.

use super::{refused::Refused, web::Web};
use crate::{
    admission::Seat,
    metrics::BannedAt,
    rules::{Limit, Rules, banned_close},
};
use axum::{
    Extension,
    extract::{Request as Asked, State},
    http::{Request, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use metaserve::{
    announce::{self, Detour, FORWARDED_FOR, Problem},
    bounds,
};
use parking_lot::Mutex;
use std::{net::IpAddr, sync::Arc};

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
    /// The request comes from this machine, and does not look like one of a program that runs here.
    Unnamed,
    /// The operator trusts the proxy, but it does not say for whom it makes the request.
    Silent,
}

impl Client {
    /// The client of a request, on a connection from `peer`.
    pub(super) fn of<B>(peer: IpAddr, request: &Request<B>, proxies: &[IpNet]) -> Self {
        let unknown = |why| Self {
            address: peer,
            way: Way::Unknown(why),
        };
        let detour = announce::detour(request);
        if detour.is_none() && peer.is_loopback() {
            return Self::direct(peer);
        }
        if proxies.iter().any(|it| it.contains(&peer)) {
            let client =
                announce::forwarded_for(request.headers(), &FORWARDED_FOR).map(|address| Self {
                    address,
                    way: Way::Proxy,
                });
            return client.unwrap_or(unknown(Obscured::Silent));
        }
        match detour {
            Some(Detour::Forwarded) => unknown(Obscured::Untrusted),
            Some(_) if peer.is_loopback() => unknown(Obscured::Unnamed),
            _ => Self::direct(peer),
        }
    }

    pub(super) const fn direct(peer: IpAddr) -> Self {
        Self {
            address: peer,
            way: Way::Direct,
        }
    }
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
    fn serves(&self, client: IpAddr, rules: &Rules) -> Result<(), bounds::Refused> {
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
    mut request: Asked,
    next: Next,
) -> Response {
    let rules = web.shared.rules();
    let client = Client::of(caller.peer, &request, &rules.proxies);
    // The peer itself was checked when it connected.
    if client.address != caller.peer
        && let Some(ban) = rules.banned(client.address)
    {
        web.shared.metrics.banned(BannedAt::Http);
        let problem = Problem::new(StatusCode::FORBIDDEN, banned_close(ban).reason);
        return Refused(problem).into_response();
    }
    if let Err(why) = caller.serves(client.address, &rules) {
        web.shared.metrics.reached(Limit::MaxHttpConnections);
        let reason = format!("HTTP connections: {why}: try again later");
        return Refused(Problem::for_now(10, reason)).into_response();
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
        trusting("10.0.0.0/24", peer, lines)
    }

    fn trusting(proxy: &str, peer: [u8; 4], lines: &[(&'static str, &'static str)]) -> Client {
        let mut request = Request::put("/").body(()).unwrap();
        for (name, value) in lines {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        Client::of(peer.into(), &request, &[proxy.parse().unwrap()])
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

    const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

    /// Such as `curl http://127.0.0.1:8080`, whether or not nginx runs here as well.
    #[test]
    fn a_program_of_this_machine_is_its_own_client_also_where_a_trusted_proxy_runs() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080"] {
            for proxy in ["127.0.0.0/8", "10.0.0.1/32"] {
                let found = trusting(proxy, LOOPBACK, &[("host", host)]);
                assert_eq!(found, Client::direct(LOOPBACK.into()), "{host} {proxy}");
            }
        }
    }

    /// Every server behind such a proxy was listed as 127.0.0.1.
    #[test]
    fn a_proxy_of_this_machine_is_never_a_client_whether_it_is_named_or_not() {
        let other = ("host", "list.example.org");
        for (proxy, why) in [
            ("127.0.0.0/8", Obscured::Silent),
            ("10.0.0.1/32", Obscured::Unnamed),
        ] {
            let found = trusting(proxy, LOOPBACK, &[other]);
            assert_eq!(found.way, Way::Unknown(why), "{proxy}");
        }
        let named = trusting(
            "127.0.0.0/8",
            LOOPBACK,
            &[other, ("x-forwarded-for", "192.0.2.1")],
        );
        assert_eq!(
            (named.address, named.way),
            ([192, 0, 2, 1].into(), Way::Proxy)
        );
    }
}

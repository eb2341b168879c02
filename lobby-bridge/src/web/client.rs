//! Whose request it is, and whether that client may make one now.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Extension,
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use metaserve::{
    announce,
    bans::Ban,
    bounds::{Origin, Prefix, Rates},
    time::now,
};

use super::Caller;
use crate::{bans::Guard, metrics::Tally};

/// How many requests a client may make at once, in seconds of what it may make on average.
const AT_ONCE_SECONDS: u32 = 20;

/// The address that a request comes from: that of the connection, or the one that a trusted proxy
/// states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) IpAddr);

/// What decides about requests. Shared by all sites.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) bans: Guard,
    pub(super) proxies: Vec<IpNet>,
    pub(super) header: HeaderName,
    pub(super) per_second: u32,
    pub(super) rates: Mutex<Rates<Prefix>>,
}

/// The gate, how a site answers the banned, and what counts its requests.
pub(super) type Admission = (Arc<Gate>, fn(&Ban) -> Response, Tally);

impl Gate {
    fn spend(&self, address: IpAddr) -> Result<(), Duration> {
        let (prefix, now) = (Origin::new(address).leaf(), now());
        let each = Duration::from_secs(1) / self.per_second;
        let at_once = self.per_second.saturating_mul(AT_ONCE_SECONDS);
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.spend(prefix, each, at_once, now)
    }

    /// Forgets clients that have made no requests lately.
    pub(super) fn sweep(&self) {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.sweep(now());
    }
}

/// Passes a request on, with its [`Client`] in its extensions, or refuses it. Counts the answer.
pub(super) async fn admit(
    State((gate, banned, tally)): State<Admission>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let answer = answer((&gate, banned, &tally), caller, request, next).await;
    tally.request(answer.status().as_u16());
    // Only lists have tags.
    if answer.headers().contains_key(header::ETAG) {
        let bytes = answer.body().size_hint().exact().unwrap_or_default();
        tally.list(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    answer
}

async fn answer(
    (gate, banned, tally): (&Gate, fn(&Ban) -> Response, &Tally),
    caller: Caller,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(address) = client(caller.0, &request, gate) else {
        let header = &gate.header;
        let proxy = caller.0;
        tracing::warn!(%proxy, "refused: the proxy does not say whose request this is, in {header}");
        let why = format!("the proxy does not say whose request this is, in {header}\n");
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    if let Some(ban) = gate.bans.banned(address) {
        tracing::debug!(client = %address, "refused over HTTP: {ban} is banned");
        tally.banned();
        return banned(&ban);
    }
    if let Err(wait) = gate.spend(address) {
        let seconds = wait.as_secs() + 1;
        let why = "this address makes too many requests (--http-requests)\n";
        let again = [(header::RETRY_AFTER, seconds.to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, again, why).into_response();
    }
    request.extensions_mut().insert(Client(address));
    next.run(request).await
}

/// The address that a request comes from; `None` if a trusted proxy does not say. A proxy that is
/// not trusted is a client like others, whatever it says.
fn client(peer: IpAddr, request: &Request, gate: &Gate) -> Option<IpAddr> {
    // A server on the machine of the proxy does not have to go through it.
    let is_own = peer.is_loopback() && announce::detour(request).is_none();
    match gate.proxies.iter().any(|it| it.contains(&peer)) && !is_own {
        true => announce::forwarded_for(request.headers(), &gate.header),
        false => Some(peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn said(peer: [u8; 4], lines: &[(&str, &str)]) -> Option<IpAddr> {
        let gate = Gate {
            bans: Guard::none(),
            proxies: vec![
                "10.0.0.0/24".parse().unwrap(),
                "127.0.0.1/32".parse().unwrap(),
            ],
            header: HeaderName::from_static("x-real-ip"),
            per_second: 1,
            rates: Mutex::default(),
        };
        let mut request = axum::http::Request::post("/ddnet/15/register");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        client(peer.into(), &request.body(Body::empty()).unwrap(), &gate)
    }

    #[test]
    fn only_a_trusted_proxy_says_whose_request_it_is_and_only_in_the_named_header() {
        let (proxy, stranger) = ([10, 0, 0, 1], [203, 0, 113, 9]);
        let (real, other) = ("x-real-ip", "x-forwarded-for");
        let client: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(said(proxy, &[(real, "2001:db8::1")]), Some(client));
        assert_eq!(said(proxy, &[(other, "2001:db8::1")]), None);
        assert_eq!(said(proxy, &[]), None);
        for line in [(real, "192.0.2.1"), (other, "192.0.2.1")] {
            assert_eq!(said(stranger, &[line]), Some(stranger.into()));
        }
        // A game server beside the proxy, and the proxy with a request of somebody else.
        let here = [127, 0, 0, 1];
        assert_eq!(said(here, &[("host", "localhost")]), Some(here.into()));
        assert_eq!(said(here, &[("host", "list.example.org")]), None);
    }
}

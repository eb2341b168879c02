//! Which requests come from programs of this machine: those that no page and no proxy has sent.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, Uri, Version,
        header::{FORWARDED, HOST, VIA},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use metaserve::announce::{self, Outcome, Refusal};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Passes on the requests of programs of this machine, and refuses the others.
pub(super) async fn only(request: Request, next: Next) -> Response {
    match check(request.uri(), request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&refusal),
    }
}

/// The answer with this refusal, which the log shows to whoever looks closely.
pub(super) fn refused(refusal: &Refusal) -> Response {
    tracing::debug!("refused a push: {refusal}");
    refusal.response().into_response()
}

fn check(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    announce::no_browser(headers)?;
    if [FORWARDED_FOR, FORWARDED, VIA]
        .iter()
        .any(|it| headers.contains_key(it))
    {
        return Err(Refusal::new(
            Outcome::Proxied,
            "the request came through a proxy, and the agent lists servers of its own machine \
             only: push directly",
        ));
    }
    // A page of another site whose name leads here is of the same origin for its browser, and sends
    // that name. (DNS rebinding.)
    let host = match (uri.authority(), headers.get(HOST)) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(host)) => Some(host.to_str().unwrap_or("?")),
        (None, None) => None,
    };
    match host {
        Some(host) if is_local(host) => Ok(()),
        None if version < Version::HTTP_11 => Ok(()),
        _ => Err(Refusal::new(
            Outcome::Browser,
            "the request is for another host: push to http://127.0.0.1, http://[::1] or \
             http://localhost",
        )),
    }
}

/// Whether `HOST` or `HOST:PORT` is this machine and nothing else.
fn is_local(host: &str) -> bool {
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

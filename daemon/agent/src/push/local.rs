//! Which requests come from programs of this machine: those that no page and no proxy has sent.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use metaserve::announce::{self, Detour, Outcome, Refusal};

/// Passes on the requests of programs of this machine, and refuses the others.
pub(super) async fn only(request: Request, next: Next) -> Response {
    match check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&refusal),
    }
}

/// The answer with this refusal, which the log shows to whoever looks closely.
pub(super) fn refused(refusal: &Refusal) -> Response {
    tracing::debug!("refused a push: {refusal}");
    refusal.response().into_response()
}

fn check(request: &Request) -> Result<(), Refusal> {
    announce::no_browser(request.headers())?;
    let (outcome, reason) = match announce::detour(request) {
        None => return Ok(()),
        Some(Detour::Forwarded) => (
            Outcome::Proxied,
            "the request came through a proxy, and the agent lists servers of its own machine \
             only: push directly",
        ),
        Some(Detour::OldVersion) => (
            Outcome::Proxied,
            "the request is of HTTP/1.0 and names a host, as proxies send it, and the agent lists \
             servers of its own machine only: push directly, over HTTP/1.1",
        ),
        Some(Detour::OtherHost) => (
            Outcome::Browser,
            "the request is for another host: push to http://127.0.0.1, http://[::1] or \
             http://localhost",
        ),
    };
    Err(Refusal::new(outcome, reason))
}

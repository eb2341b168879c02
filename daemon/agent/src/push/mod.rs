//! What games tell of themselves, over HTTP on this machine: *push*.
//!
//! ```text
//!  TCP ──▶ listener.rs: places, slow clients ──▶ local.rs: no pages, no proxies ──▶ routes below
//!
//!  PUT, DELETE /api/v1/servers/{game}/{port}   servers.rs: as at the daemon
//!  POST /announce                              luanti.rs: as Luanti announces itself
//!  GET /healthz
//! ```
//!
//! Only programs of this machine can reach it, so they need no secret. Pages in a browser of this
//! machine could as well: their requests are refused.

mod listener;
mod local;
mod luanti;
mod servers;
#[cfg(test)]
mod tests;

pub use listener::open;

use crate::watch::Servers;
use axum::{
    Router,
    body::Body,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metaserve::announce::{BODY_TIMEOUT, Outcome, Problem, Refusal};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers until `closing` is cancelled, and then ends within 2 s.
pub async fn run(listener: TcpListener, servers: Servers, closing: CancellationToken) {
    listener::run(listener, routes(servers), closing).await;
}

fn routes(servers: Servers) -> Router {
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/announce", post(luanti::announce))
        .route("/api/v1/servers/{*server}", any(servers::announce))
        .fallback(nothing)
        .layer(middleware::from_fn(local::only))
        .with_state(servers)
}

async fn nothing() -> Response {
    let reason = "not found: announce a server with PUT /api/v1/servers/{game}/{port}; the list \
                  itself is at the daemon";
    let problem = Problem::new(StatusCode::NOT_FOUND, reason);
    problem.response().into_response()
}

/// The whole body of a request, which has 5 s to arrive.
///
/// # Errors
/// When it is slow, longer than `max_bytes`, or cut.
async fn body(body: Body, max_bytes: usize) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long(max_bytes)),
        Ok(Err(_)) => Err(Refusal::malformed("body", "the body is not complete")),
        Err(_) => Err(Refusal::new(
            Outcome::Slow,
            format!("the body has not arrived within {BODY_TIMEOUT:?}"),
        )),
    }
}

fn too_long(max_bytes: usize) -> Refusal {
    let reason = format!("the body has more than {max_bytes} bytes");
    Refusal::new(Outcome::Oversize, reason)
}

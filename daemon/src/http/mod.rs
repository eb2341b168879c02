//! The list for browsers and scripts, on a TCP listener apart from the public QUIC port.
//!
//! ```text
//!  TCP ──▶ listener.rs: places, limits for slow clients
//!   ──▶ client.rs: whose request it is ──▶ routes below ──┬─▶ servers.rs: pages
//!                                                         ├─▶ events.rs: live
//!                                                         └─▶ announce/: servers come and go
//! ```

mod announce;
mod client;
mod events;
mod listener;
mod members;
mod page;
mod query;
mod refused;
mod servers;
mod web;

pub(crate) use announce::sweep;
pub(crate) use listener::open;
pub(crate) use web::Web;

use crate::metrics::Present;
use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use metaserve::{
    announce::Problem,
    program,
    time::{now, wall_clock},
};
use refused::Refused;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tower_http::{
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
};

/// Serves until `web` closes. Each connection has its own task.
pub(crate) async fn run(listener: TcpListener, web: Web, tasks: TaskTracker) {
    listener::run(listener, routes(web.clone()), web, tasks).await;
}

fn routes(web: Web) -> Router {
    let reading = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers([header::ETAG, header::RETRY_AFTER]);
    Router::new()
        .route("/api/v1/servers", get(servers::list))
        .route("/api/v1/events", get(events::listen))
        .route("/api/v1/members", get(members::list))
        .route("/api/v1/openapi.json", get(document))
        .merge(page::modules())
        // Before the layers: pages of other sites read this answer as well.
        .method_not_allowed_fallback(not_allowed)
        .layer(CompressionLayer::new())
        .layer(reading)
        // Without CORS: no page may announce servers.
        .route("/api/v1/servers/{*server}", any(announce::answer))
        .merge(page::routes())
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .fallback(async || {
            Refused(Problem::new(
                StatusCode::NOT_FOUND,
                "not found: /api/v1/openapi.json lists all paths",
            ))
        })
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(web.clone(), client::admit))
        .with_state(web)
}

/// The answer to another method than those of the path, which axum names in `Allow`.
async fn not_allowed() -> Refused {
    Refused(Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path is read with GET; a server is announced with PUT \
         /api/v1/servers/{game}/{port}",
    ))
}

/// The description of these paths for programs. A test compares it with the answers.
async fn document() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, include_str!("openapi.json")).into_response()
}

/// What Prometheus reads.
async fn metrics(State(web): State<Web>) -> Response {
    let shared = &web.shared;
    let present = Present {
        feeds: &shared.feeds,
        rules: &shared.rules(),
        handshakes: shared.admission.handshakes(),
        waiting: shared.registry.waiting(),
        announced: web.announced.len(),
        certificate_ends: shared.certificates.valid_until(),
        now: wall_clock(),
    };
    let kind = program::metrics::CONTENT_TYPE;
    let text = shared.metrics.text(&present);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn ready(State(web): State<Web>) -> (StatusCode, String) {
    let cluster = web.shared.cluster.as_deref();
    let (status, word) = if web.closing.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping")
    } else if !web.shared.is_joined() {
        (StatusCode::SERVICE_UNAVAILABLE, "joining")
    } else if cluster.is_some_and(|it| it.is_empty_edge(now())) {
        (StatusCode::SERVICE_UNAVAILABLE, "this edge hears no member")
    } else {
        (StatusCode::OK, "ready")
    };
    let seen = cluster.map(|cluster| format!("{}\n", cluster.seen().summary()));
    (status, format!("{word}\n{}", seen.unwrap_or_default()))
}

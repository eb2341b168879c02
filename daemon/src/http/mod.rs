//! The list for browsers and scripts: a listener of its own, apart from the public QUIC port.
//!
//! ```text
//!  TCP ──▶ listener.rs: places, slow and long-winded clients ──▶ routes below ──┬─▶ servers.rs: pages
//!                                                                              └─▶ events.rs: live
//! ```

mod events;
mod listener;
mod page;
mod query;
mod servers;

pub(crate) use listener::{open, run};

use crate::{Shared, accept::Seats, metrics::Present, rules::wall_clock};
use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::{
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
};

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Web {
    shared: Arc<Shared>,
    closing: CancellationToken,
    /// Answers are made one at a time, beside the thread that serves games.
    making: Arc<Semaphore>,
    /// Places for listeners to events.
    listeners: Seats,
}

impl Web {
    pub(crate) fn new(shared: Arc<Shared>, closing: CancellationToken) -> Self {
        Self {
            listeners: Seats::default(),
            shared,
            closing,
            making: Arc::new(Semaphore::new(1)),
        }
    }
}

fn routes(web: Web) -> Router {
    let reading = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers([header::ETAG]);
    Router::new()
        .route("/api/v1/servers", get(servers::list))
        .route("/api/v1/events", get(events::listen))
        .route("/api/v1/openapi.json", get(document))
        .layer(CompressionLayer::new())
        .layer(reading)
        .merge(page::routes())
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .with_state(web)
}

/// The description of all this for programs; a test holds it against the answers.
async fn document() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, include_str!("openapi.json")).into_response()
}

/// What Prometheus reads.
async fn metrics(State(web): State<Web>) -> Response {
    let shared = &web.shared;
    let present = Present {
        all: &shared.registry.feed(None),
        rules: &shared.rules(),
        handshakes: shared.admission.handshakes(),
        waiting: shared.registry.waiting(),
        certificate_ends: shared.certificates.valid_until(),
        now: wall_clock(),
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = shared.metrics.text(&present);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn ready(State(web): State<Web>) -> (StatusCode, &'static str) {
    if web.closing.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// A refusal: a status, and as JSON one sentence with the parameter that is to blame, if any.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    parameter: Option<&'static str>,
    reason: String,
}

impl Problem {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            parameter: None,
            reason: reason.into(),
        }
    }

    fn parameter(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter),
            ..Self::new(StatusCode::BAD_REQUEST, reason)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = match self.parameter {
            Some(parameter) => json!({ "error": self.reason, "parameter": parameter }),
            None => json!({ "error": self.reason }),
        };
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.status, kind, body.to_string()).into_response()
    }
}

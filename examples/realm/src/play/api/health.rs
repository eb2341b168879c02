//! Whether the process answers, and what it serves.

use crate::play::Play;
use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// The process answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// What kind of log keeps the world, and what it does not outlive: a sentence.
    log: String,
    /// How many WebSockets there are.
    sockets: usize,
}

/// Says that the process answers, and what kind of log it uses.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(super) async fn health(State(play): State<Arc<Play>>) -> Json<Health> {
    Json(Health {
        log: play.shared.log.describe(),
        sockets: play.places.taken(),
    })
}

/// Shows this document.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Response {
    Json(&*document).into_response()
}

//! Whether the role serves, and what it serves.

use super::{Problem, problem::Error};
use crate::accounts::role::Role;
use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;

/// The role serves.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `serving`
    status: &'static str,
    /// The database, without user and password.
    database: String,
}

/// Whether the role serves.
#[utoipa::path(
    get,
    path = "/health",
    responses(
        (status = 200, body = Health),
        (status = 503, description = "It is a spare, or its database cannot be reached", body = Error),
    )
)]
pub(super) async fn health(State(role): State<Arc<Role>>) -> Result<Json<Health>, Problem> {
    if let Some(why) = role.not_serving() {
        return Err(why);
    }
    role.database.ping().await?;
    Ok(Json(Health {
        status: "serving",
        database: role.database.name.clone(),
    }))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openapi(Extension(document): Extension<Arc<str>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, document.to_string()).into_response()
}

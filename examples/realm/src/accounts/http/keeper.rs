//! What the other roles load.

use super::{
    Problem,
    problem::Error,
    request::{Named, Service},
};
use crate::{accounts::role::Role, ids::ZoneId, log::Stored};
use axum::{Json, extract::State, http::StatusCode};
use std::sync::Arc;

/// A zone as it was saved last, for roles of the world: without players, who come back with their
/// characters.
#[utoipa::path(
    get,
    path = "/keeper/zones/{*zone}",
    params(("zone" = String, Path, description = "`shared/MAP` or `solo/MAP/CHARACTER`")),
    security(("ticket" = [])),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 401, description = "No valid ticket", body = Error),
        (status = 403, description = "Not the ticket of a role", body = Error),
        (status = 404, description = "The zone was never saved", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn zone(
    State(role): State<Arc<Role>>,
    _: Service,
    Named(zone): Named<String>,
) -> Result<Json<Stored>, Problem> {
    let never = || {
        let status = StatusCode::NOT_FOUND;
        Problem::new(status, format!("the zone {zone:?} was never saved")).field("zone")
    };
    let zone: ZoneId = zone.parse().map_err(|_| never())?;
    let stored = role.database.zone(&zone).await?;
    stored.map(Json).ok_or_else(never)
}

//! The HTTP interface: JSON, described at `/openapi.json`.

mod accounts;
mod characters;
mod health;
mod keeper;
mod problem;
mod request;
mod sessions;

pub(super) use problem::Problem;
#[cfg(test)]
pub(super) use sessions::check;

use super::role::Role;
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use std::sync::Arc;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest body of a request.
const MAX_BODY_BYTES: usize = 16 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "realm accounts",
        description = "Accounts, log-in and characters. An error is answered with the object Error.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&Bearer)
)]
struct Described;

/// The ticket of a log-in.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let ticket = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("PASETO")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("ticket", SecurityScheme::Http(ticket));
    }
}

/// All routes.
pub(super) fn router(role: Arc<Role>) -> Router {
    let (public, mut document) = OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(accounts::register))
        .routes(routes!(sessions::log_in, sessions::log_out))
        .routes(routes!(sessions::refresh))
        .routes(routes!(characters::list, characters::create))
        .routes(routes!(characters::show, characters::delete))
        .routes(routes!(keeper::zone))
        .route_layer(from_fn_with_state(role.clone(), serving))
        .routes(routes!(health::health))
        .routes(routes!(health::openapi))
        .split_for_parts();
    // The router's word for a parameter with slashes is not that of the document.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    public
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is no such page"))
        .method_not_allowed_fallback(async || {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Problem::new(status, "this page knows no such method")
        })
        .layer(Extension(document))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(role)
}

/// Answers only while this process carries the role out.
async fn serving(State(role): State<Arc<Role>>, request: Request, next: Next) -> Response {
    match role.not_serving() {
        Some(why) => why.into_response(),
        None => next.run(request).await,
    }
}

//! State and answers that all handlers share.

use std::{fmt, sync::Arc};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use metaserve::bans::Ban;

use super::{pages::Pages, settings::Limits};
use crate::{
    accounts::{Accounts, Refusal},
    bans,
    web::Caller,
};

/// The state of all handlers.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) accounts: Accounts,
    pub(super) pages: Arc<Pages>,
    pub(super) sign_up: bool,
    pub(super) limits: Limits,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

/// Logs a refusal for the operator.
pub(super) fn report(peer: &Caller, username: &str, refusal: &Refusal) {
    let username: String = username.chars().take(40).collect();
    match refusal {
        Refusal::Database(error) => {
            let error = error.with_cause();
            tracing::warn!(peer = %peer.0, error, "refused over HTTPS: {refusal}");
        }
        Refusal::BadRecord(_) => {
            tracing::warn!(peer = %peer.0, ?username, "refused over HTTPS: {refusal}");
        }
        _ => tracing::info!(peer = %peer.0, ?username, "refused over HTTPS: {refusal}"),
    }
}

/// Returns the answer that a player is shown.
pub(super) fn told(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::TooManyAttempts => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts. Please come again later.",
        ),
        Refusal::Database(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Accounts are not available at the moment. Please come again later.",
        ),
        _ => (StatusCode::FORBIDDEN, "Sorry, that did not work."),
    }
}

/// The answer to all requests of a banned peer.
pub(super) fn banned(ban: &Ban) -> Response {
    plain(StatusCode::FORBIDDEN, bans::told(ban))
}

/// Makes an answer that is not cached.
pub(super) fn plain(status: StatusCode, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

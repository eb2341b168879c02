//! `/metaclient/login` and `/metaclient/signup`: tokens for passwords, and new accounts.

use axum::{Extension, body::Bytes, extract::State, http::StatusCode, response::Response};

use super::{
    form::Form,
    web::{Web, plain, report, told},
};
use crate::{
    accounts::{Refusal, SignUpError},
    web::Caller,
};

/// Returns a token for a password: exactly its 16 bytes, or an empty body.
pub(super) async fn login(
    State(web): State<Web>,
    Extension(peer): Extension<Caller>,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    let username = form.text("username").unwrap_or_default();
    let mut refusal = Refusal::Unknown;
    for password in form.texts("password") {
        match web.accounts.issue_token(&username, &password, peer.0).await {
            Ok(token) => {
                tracing::debug!(peer = %peer.0, ?username, "issued a token");
                return plain(StatusCode::OK, token);
            }
            Err(Refusal::WrongPassword) => refusal = Refusal::WrongPassword,
            Err(other) => {
                refusal = other;
                break;
            }
        }
    }
    report(&peer, &username, &refusal);
    let status = match refusal {
        Refusal::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    plain(status, "")
}

/// Makes an account, if everybody may make one. The game shows every answer but `OK`.
pub(super) async fn sign_up(
    State(web): State<Web>,
    Extension(peer): Extension<Caller>,
    body: Bytes,
) -> Response {
    if !web.sign_up {
        let why = "Only the operator of this server can make accounts. Please ask the operator.";
        return plain(StatusCode::FORBIDDEN, why);
    }
    let form = Form::parse(&body);
    let username = form.text("username").unwrap_or_default();
    let password = form.text("password").unwrap_or_default();
    match web.accounts.sign_up(&username, &password, peer.0).await {
        Ok(()) => {
            tracing::info!(peer = %peer.0, username, "signed up");
            plain(StatusCode::OK, "OK")
        }
        Err(SignUpError::Refused(refusal)) => {
            report(&peer, &username, &refusal);
            let (status, why) = told(&refusal);
            plain(status, why)
        }
        Err(error) => plain(StatusCode::FORBIDDEN, format!("Sorry, {error}.")),
    }
}

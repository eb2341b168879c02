//! `/metaclient/login` and `/metaclient/signup`: passwords for tokens, and new accounts.

use axum::{Extension, body::Bytes, extract::State, http::StatusCode, response::Response};

use super::{
    form::Form,
    web::{Peer, Web, plain, report, told},
};
use crate::accounts::{Refusal, SignUpError};

/// Password for token: exactly its 16 bytes, or nothing.
pub(super) async fn login(
    State(web): State<Web>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    let username = form.text("username").unwrap_or_default();
    let mut refusal = Refusal::Unknown;
    for password in form.texts("password") {
        match web.accounts.issue_token(&username, &password, peer.0).await {
            Ok(token) => {
                tracing::debug!(peer = %peer.0, ?username, "a token was given");
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

/// A new account, if anybody may make one. Anything but `OK` is shown to the player.
pub(super) async fn sign_up(
    State(web): State<Web>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response {
    if !web.sign_up {
        let why = "Accounts are made by the operator of this server. Please ask there.";
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

//! `/metaclient/settings`: a page on which players who come from within the game change their
//! passwords. It has no cookies and no scripts. A secret in the page identifies the player. It is
//! made for a fresh token, and can be used once.

use axum::{
    Extension,
    body::Bytes,
    extract::{RawQuery, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use metaserve::time::now;

use super::{
    form::{Form, escaped},
    web::{Web, report, told},
};
use crate::{
    accounts::{Refusal, TOKEN_BYTES, check_new_password},
    web::Caller,
};

/// `GET`: returns the form, if the request has a fresh token.
pub(super) async fn show(
    State(web): State<Web>,
    Extension(peer): Extension<Caller>,
    method: Method,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let form = Form::parse(query.as_bytes());
    let token = form.text("token");
    // A HEAD request must not use up the token.
    let (Some(token), true) = (token, method == Method::GET) else {
        return html(StatusCode::OK, COME_FROM_THE_GAME);
    };
    let Some(token) = parse(&token) else {
        return html(StatusCode::FORBIDDEN, COME_FROM_THE_GAME);
    };
    match web.accounts.redeem_token(&token, peer.0).await {
        Ok(account) => ask(&web, &account.username, ""),
        Err(Refusal::Unknown | Refusal::WrongToken) => {
            html(StatusCode::FORBIDDEN, COME_FROM_THE_GAME)
        }
        Err(refusal) => {
            report(&peer, "", &refusal);
            let (status, why) = told(&refusal);
            html(status, why)
        }
    }
}

/// `POST`: takes the new password from the form.
pub(super) async fn change(
    State(web): State<Web>,
    Extension(peer): Extension<Caller>,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    let field = |name| form.text(name).unwrap_or_default();
    let Some(username) = web.pages.close(&field("page"), now()) else {
        return html(StatusCode::FORBIDDEN, COME_FROM_THE_GAME);
    };
    let (password, again) = (field("password"), field("again"));
    if password != again {
        return ask(&web, &username, "The two passwords differ.");
    }
    if let Err(error) = check_new_password(&password) {
        return ask(&web, &username, &format!("Sorry, {error}."));
    }
    match web.accounts.change_password(&username, &password).await {
        Ok(()) => {
            tracing::info!(peer = %peer.0, username, "changed the password");
            html(
                StatusCode::OK,
                "Your password is changed. Enter it in the game's preferences.",
            )
        }
        Err(refusal) => {
            report(&peer, &username, &refusal);
            let (status, why) = told(&refusal);
            html(status, why)
        }
    }
}

const COME_FROM_THE_GAME: &str = "To change your password, open this page from within the game, with the button for your \
     account. A page from there works once, for ten minutes.";

/// Returns the form, with a remark about the previous input.
fn ask(web: &Web, username: &str, remark: &str) -> Response {
    let secret = web.pages.open(username, now());
    let (username, remark) = (escaped(username), escaped(remark));
    let form = format!(
        "{remark}</p>\
         <form method=\"post\" action=\"/metaclient/settings\" accept-charset=\"utf-8\">\
         <input type=\"hidden\" name=\"page\" value=\"{secret}\">\
         <p>Account: <b>{username}</b></p>\
         <p><label>New password, at most 15 characters: <input type=\"password\" name=\"password\" \
         maxlength=\"15\" required autocomplete=\"new-password\"></label></p>\
         <p><label>Again: <input type=\"password\" name=\"again\" maxlength=\"15\" required \
         autocomplete=\"new-password\"></label></p>\
         <p><button>Change</button></p></form><p>"
    );
    html(StatusCode::OK, &form)
}

/// Makes a page that loads nothing, is not cached, and cannot be shown inside of another page.
fn html(status: StatusCode, content: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Account</title><h1>Your account</h1><p>{content}</p></html>\n"
    );
    (status, headers, page).into_response()
}

/// Parses the token, which the game writes in hexadecimal digits.
fn parse(hex: &str) -> Option<[u8; TOKEN_BYTES]> {
    if hex.len() != 2 * TOKEN_BYTES || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..TOKEN_BYTES).map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hexadecimal_digits() {
        assert_eq!(parse(&"4A".repeat(16)), Some([b'J'; 16]));
        assert_eq!(parse(&"4a".repeat(16)), Some([b'J'; 16]));
        for text in [
            "",
            "4A",
            &"+4".repeat(16),
            &"4A".repeat(17),
            &"ä".repeat(16),
        ] {
            assert_eq!(parse(text), None);
        }
    }
}

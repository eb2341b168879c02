//! `/api/*`: sent on to the accounts role, so that the page needs one address.

use crate::{
    addresses,
    play::{Play, api::Problem, owners::Owners},
    roles,
    shared::Shared,
};
use anyhow::Context as _;
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use reqwest::{Client, Url, redirect};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// What of the accounts role is served here. The rest is for other roles.
const SERVED: [&str; 4] = ["accounts", "sessions", "characters", "openapi.json"];

/// The longest body of a request, and of an answer, in bytes.
const BODY_BYTES: (usize, usize) = (64 * 1024, 1024 * 1024);

/// How long an answer may take: a log-in waits for its turn to hash a password.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a connection is kept for another request: shorter than accounts keep it.
const IDLE: Duration = Duration::from_secs(5);

/// What is for one connection only, or not ours: there are no cookies here.
const NOT_SENT_ON: [HeaderName; 15] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::COOKIE,
    header::SET_COOKIE,
    HeaderName::from_static("keep-alive"),
    addresses::FORWARDED,
    addresses::SHOWN,
];

#[derive(Clone)]
struct Forward {
    client: Client,
    roles: Owners,
    /// The ticket of this role. Secret.
    shown: HeaderValue,
    play: Arc<Play>,
}

/// The route of what is sent on.
pub(super) fn router(shared: &Shared, play: Arc<Play>) -> anyhow::Result<Router> {
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(ANSWER)
        .pool_idle_timeout(IDLE)
        .build()
        .context("cannot make HTTP requests")?;
    let mut shown =
        HeaderValue::from_bytes(&shared.ticket).context("the service ticket is damaged")?;
    shown.set_sensitive(true);
    let state = Forward {
        client,
        roles: Owners::follow(shared.names.clone(), roles::PREFIX),
        shown,
        play,
    };
    Ok(Router::new()
        .route("/api/{*path}", any(forward))
        .layer(DefaultBodyLimit::max(BODY_BYTES.0))
        .with_state(state))
}

async fn forward(
    State(forward): State<Forward>,
    uri: Uri,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    method: Method,
    mut headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|why| Problem::new(why.status(), why.body_text()))?;
    let owner = forward.roles.get(&roles::key("accounts")).ok_or_else(|| {
        let why = "accounts are not served at the moment: try again in a few seconds";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })?;
    let asked = uri.path_and_query().map_or("", |it| it.as_str());
    let url = url(&owner.url, asked)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "accounts serve nothing there"))?;
    let client = peer.map(|it| forward.play.client(it.0.0.ip(), &headers));
    strip(&mut headers);
    if let Some(client) = client.and_then(|it| HeaderValue::from_str(&it.to_string()).ok()) {
        headers.insert(addresses::FORWARDED, client);
        headers.insert(addresses::SHOWN, forward.shown.clone());
    }
    let request = forward
        .client
        .request(method, url)
        .headers(headers)
        .body(body);
    let answer = request.send().await.map_err(|error| {
        tracing::warn!("accounts have not answered: {error}");
        Problem::new(
            StatusCode::BAD_GATEWAY,
            "accounts do not answer: try again in a few seconds",
        )
    })?;
    bounded(answer).await
}

/// The URL at the accounts role for a path below `/api`, if that is served here.
fn url(accounts: &str, asked: &str) -> Option<Url> {
    let path = asked.strip_prefix("/api/")?;
    // Parsing resolves `..`.
    let url: Url = format!("{accounts}/{path}").parse().ok()?;
    let first = url.path_segments()?.next()?;
    SERVED.contains(&first).then_some(url)
}

/// Takes away what is not sent on, as well as what `Connection` says is for one connection only.
fn strip(headers: &mut HeaderMap) {
    let connection = headers.get_all(header::CONNECTION).iter();
    let named: Vec<HeaderName> = connection
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .filter_map(|it| it.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&NOT_SENT_ON) {
        headers.remove(name);
    }
}

/// The answer, if it is not too long.
async fn bounded(mut answer: reqwest::Response) -> Result<Response, Problem> {
    let broken = |why: String| {
        tracing::warn!("the answer of accounts is not sent on: {why}");
        Problem::new(
            StatusCode::BAD_GATEWAY,
            "accounts have not answered as they should",
        )
    };
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| broken(error.to_string()))?
    {
        if body.len() + chunk.len() > BODY_BYTES.1 {
            return Err(broken(format!("it has more than {} bytes", BODY_BYTES.1)));
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = (answer.status(), Body::from(body)).into_response();
    *response.headers_mut() = answer.headers().clone();
    strip(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_other_roles_is_not_served() {
        let asked = |path: &str| url("http://127.0.0.1:1", path).map(String::from);
        assert_eq!(
            asked("/api/characters/Ann?x=1").as_deref(),
            Some("http://127.0.0.1:1/characters/Ann?x=1")
        );
        for path in [
            "/api/health",
            "/api/keeper/zones/shared/meadow",
            "/api/accounts/../keeper/zones/shared/meadow",
            "/api/accounts/%2e%2e/keeper/zones/shared/meadow",
            "/api//keeper",
            "/api/",
            "/apikeeper",
            "/api@192.0.2.1/accounts",
        ] {
            assert_eq!(asked(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_for_one_connection_is_not_sent_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "192.0.2.1"),
            ("authorization", "Bearer t"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["authorization"]);
    }
}

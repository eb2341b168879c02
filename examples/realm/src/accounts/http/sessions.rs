//! Log-in, refresh and log-out.

use super::{
    Problem,
    accounts::seconds,
    problem::Error,
    request::{Body, From},
};
use crate::{
    accounts::{
        role::Role,
        store::{Account, LogIn, random},
    },
    ids::Name,
    tickets::{ADMIN, AUDIENCE, LOGIN},
};
use axum::{Json, extract::State, http::StatusCode};
use metaserve::time::wall_clock;
use metaserve_ticket::Claims;
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How long a ticket is valid.
const TICKET: Duration = Duration::from_secs(15 * 60);

/// How long a refresh token is valid.
const REFRESH: Duration = Duration::from_secs(30 * 86_400);

/// Name and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The account, in any case.
    name: String,
    /// Its password.
    password: String,
}

/// A refresh token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// From the log-in or the last refresh.
    refresh: String,
}

/// A log-in.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::accounts) struct Session {
    /// The ticket: who bears it is logged in, at every server of the world.
    ticket: String,
    /// Once the ticket has expired, this gets another one. It is used once: each answer has a new
    /// one, and valid for 30 days. Who has not got the answer may ask again within a minute.
    refresh: String,
    /// When the ticket expires, in seconds from now.
    expires_in: u64,
}

/// Logs in.
#[utoipa::path(
    post,
    path = "/sessions",
    request_body = Credentials,
    responses(
        (status = 200, body = Session),
        (status = 400, description = "Not such an object", body = Error),
        (status = 401, description = "Name or password are wrong", body = Error),
        (status = 429, description = "Too many attempts", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn log_in(
    State(role): State<Arc<Role>>,
    From(client): From,
    Body(Credentials { name, password }): Body<Credentials>,
) -> Result<Json<Session>, Problem> {
    check(&role, &name, password, client.address)
        .await
        .map(Json)
}

/// Checks name and password. Whatever is wrong about them takes the same work, and has the same
/// answer.
pub(in crate::accounts) async fn check(
    role: &Role,
    name: &str,
    password: String,
    from: IpAddr,
) -> Result<Session, Problem> {
    let name = name.parse::<Name>().ok();
    let attempt = role.attempt(name.as_ref(), from)?;
    let checked = async {
        let account = match &name {
            Some(name) => role.database.account(name).await?,
            None => None,
        };
        let hash = account.as_ref().map(|it| it.password.clone());
        let is = role.hasher.is(password, hash).await?;
        Ok::<_, Problem>(account.filter(|_| is))
    };
    let checked = checked.await;
    let account = match checked {
        Ok(None) => {
            tracing::info!(address = %from, "a log-in failed");
            let status = StatusCode::UNAUTHORIZED;
            return Err(Problem::new(status, "name or password are wrong"));
        }
        Ok(Some(account)) => Ok(account),
        Err(why) => Err(why),
    };
    role.no_guess(attempt);
    let account = account?;
    let now = wall_clock();
    let (refresh, log_in) = Refresh::first(now);
    role.database
        .add_log_in(&account, &log_in, seconds(now))
        .await?;
    session(role, &account, refresh, now)
}

/// Gets another ticket.
#[utoipa::path(
    post,
    path = "/sessions/refresh",
    request_body = Token,
    responses(
        (status = 200, body = Session),
        (status = 400, description = "Not such an object", body = Error),
        (status = 401, description = "The token was used, has expired, or its session was ended", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn refresh(
    State(role): State<Arc<Role>>,
    Body(Token { refresh }): Body<Token>,
) -> Result<Json<Session>, Problem> {
    let ended = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "log in again: the session has ended",
        )
    };
    let shown = Refresh::parse(&refresh).ok_or_else(ended)?;
    let now = wall_clock();
    let (refresh, next) = shown.next(&role.refresh, now);
    let account = role
        .database
        .rotate(&hash(&shown.secret), &next, seconds(now))
        .await?;
    session(&role, &account.ok_or_else(ended)?, refresh, now).map(Json)
}

/// Logs out: the refresh token gets no tickets any more. One that was issued is valid until it
/// expires.
#[utoipa::path(
    delete,
    path = "/sessions",
    request_body = Token,
    responses(
        (status = 204, description = "The session has ended, now or before"),
        (status = 400, description = "Not such an object", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn log_out(
    State(role): State<Arc<Role>>,
    Body(Token { refresh }): Body<Token>,
) -> Result<StatusCode, Problem> {
    if let Some(shown) = Refresh::parse(&refresh) {
        role.database.end_log_in(&shown.family).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to a log-in.
fn session(
    role: &Role,
    account: &Account,
    refresh: String,
    now: SystemTime,
) -> Result<Session, Problem> {
    let scopes = match account.admin {
        true => &[LOGIN, ADMIN][..],
        false => &[LOGIN],
    };
    let failed = |why: &dyn std::fmt::Display| {
        tracing::error!("no ticket was issued: {why}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "no ticket could be issued: ask the operator")
    };
    let scopes = scopes.iter().map(|it| it.parse());
    let scopes = scopes
        .collect::<Result<_, _>>()
        .map_err(|why| failed(&why))?;
    let claims = Claims::new(account.name.as_str(), AUDIENCE, scopes, now, TICKET);
    let ticket = role.issuer.issue(&claims).map_err(|why| failed(&why))?;
    Ok(Session {
        ticket,
        refresh,
        expires_in: TICKET.as_secs(),
    })
}

/// A refresh token, `FAMILY.SECRET`: which log-in, and the secret that it shows this time. Of the
/// secret, which has 256 random bits, the database has the hash only.
struct Refresh {
    family: String,
    secret: String,
}

impl Refresh {
    /// That of a new log-in, and the row for it.
    fn first(now: SystemTime) -> (String, LogIn) {
        let new = Self {
            family: hex(&random::<16>()),
            secret: hex(&random::<32>()),
        };
        (new.text(), new.row(now))
    }

    fn parse(text: &str) -> Option<Self> {
        let (family, secret) = text.split_once('.')?;
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|it| it.is_ascii_hexdigit())
        };
        (is_hex(family, 32) && is_hex(secret, 64)).then(|| Self {
            family: family.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// The token that replaces this one, and its row. It is always the same one, so that whoever
    /// asks again gets what it would have got.
    fn next(&self, key: &hmac::Key, now: SystemTime) -> (String, LogIn) {
        let next = Self {
            family: self.family.clone(),
            secret: hex(hmac::sign(key, self.text().as_bytes()).as_ref()),
        };
        (next.text(), next.row(now))
    }

    fn text(&self) -> String {
        format!("{}.{}", self.family, self.secret)
    }

    fn row(&self, now: SystemTime) -> LogIn {
        LogIn {
            family: self.family.clone(),
            hash: hash(&self.secret),
            expires: seconds(now + REFRESH),
        }
    }
}

fn hash(secret: &str) -> String {
    hex(digest(&SHA256, secret.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

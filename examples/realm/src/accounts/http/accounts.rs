//! New accounts.

use super::{
    Problem,
    problem::Error,
    request::{Body, From},
};
use crate::{
    accounts::{PASSWORD, email::Email, role::Role, store::NotAdded},
    addresses::Client,
    ids::Name,
};
use axum::{Json, extract::State, http::StatusCode};
use metaserve::time::wall_clock;
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// For how long a request that made an account may be sent again, in seconds.
const AGAIN: i64 = 60;

/// A new account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    /// 2 to 16 ASCII letters and digits, beginning with a letter. Unique, whatever its case.
    name: String,
    /// 8 to 128 characters.
    password: String,
    /// For the operator to reach the player.
    #[serde(default)]
    email: Option<String>,
}

/// The account is there.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Registered {
    /// Its name, as it was written.
    name: Name,
}

/// Makes an account.
#[utoipa::path(
    post,
    path = "/accounts",
    request_body = NewAccount,
    responses(
        (status = 201, body = Registered),
        (status = 400, description = "A field is not valid", body = Error),
        (status = 409, description = "The name or the e-mail address is taken", body = Error),
        (status = 429, description = "Too many accounts from this address", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn register(
    State(role): State<Arc<Role>>,
    From(client): From,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let wrong = |error: &str| Problem::new(StatusCode::BAD_REQUEST, error);
    let name: Name = new
        .name
        .parse()
        .map_err(|error: crate::ids::InvalidName| wrong(&error.to_string()).field("name"))?;
    if !PASSWORD.contains(&new.password.chars().count()) {
        return Err(wrong("a password has 8 to 128 characters").field("password"));
    }
    let email = match new.email.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Email::parse(text).ok_or_else(|| {
            wrong("an e-mail address has one @ and at most 254 bytes").field("email")
        })?),
    };
    let charged = role.sign_up(client)?;
    let made = match make(&role, &name, email.as_ref(), &new.password).await {
        Ok(Err(NotAdded::Name)) => again(&role, &name, new.password, client).await,
        Ok(made) => made.map_err(Problem::from),
        Err(why) => Err(why),
    };
    if let Err(why) = &made
        && why.is_later()
        && let Some(charged) = charged
    {
        role.no_sign_up(charged);
    }
    made.map(|()| (StatusCode::CREATED, Json(Registered { name })))
}

async fn make(
    role: &Role,
    name: &Name,
    email: Option<&Email>,
    password: &str,
) -> Result<Result<(), NotAdded>, Problem> {
    if let Err(taken) = role.database.is_taken(name, email).await {
        return Ok(Err(taken));
    }
    let hash = role.hasher.hash(password.to_owned()).await?;
    let now = seconds(wall_clock());
    Ok(role.database.add_account(name, email, &hash, now).await)
}

/// A name that is taken is granted to who has just made this very account, and did not hear of it:
/// the answer was lost, or the database gave none in time. It is a log-in, and charged like one.
async fn again(role: &Role, name: &Name, password: String, from: Client) -> Result<(), Problem> {
    let now = seconds(wall_clock());
    let taken = || Problem::from(NotAdded::Name);
    let account = role.database.account(name).await?.ok_or_else(taken)?;
    if account.name != *name || now.saturating_sub(account.created) > AGAIN {
        return Err(taken());
    }
    let attempt = role.attempt(Some(name), from.address)?;
    let is = role.hasher.is(password, Some(account.password)).await;
    if !matches!(is, Ok(false)) {
        role.no_guess(attempt);
    }
    is?.then_some(()).ok_or_else(taken)
}

/// Seconds since 1970.
pub(super) fn seconds(now: SystemTime) -> i64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl std::convert::From<NotAdded> for Problem {
    fn from(why: NotAdded) -> Self {
        let taken = |error: &str| Self::new(StatusCode::CONFLICT, error);
        match why {
            NotAdded::Name => taken("the name is taken: choose another one").field("name"),
            NotAdded::Email => {
                taken("there is an account with this e-mail address already").field("email")
            }
            NotAdded::Database(error) => error.into(),
        }
    }
}

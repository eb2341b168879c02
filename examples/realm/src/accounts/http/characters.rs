//! The characters of an account.

use super::{
    Problem,
    problem::Error,
    request::{Body, LoggedIn, Named},
};
use crate::{
    accounts::{
        characters::{MAX, NotCreated},
        role::Role,
    },
    ids::{InvalidName, Name, ObjectId, ZoneId},
    keeper::Character,
    log::Whereabouts,
    object::Sheet,
};
use axum::{Json, extract::State, http::StatusCode};
use metaserve::time::wall_clock;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::UNIX_EPOCH};

/// A new character.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCharacter {
    /// 2 to 16 ASCII letters and digits, beginning with a letter. Unique in the world, whatever its
    /// case.
    name: String,
}

/// All characters of the account.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Characters {
    /// By name.
    characters: Vec<Listed>,
}

/// A character in the list.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Listed {
    /// Its name.
    name: Name,
    /// The zone that it is in, or was in last.
    zone: ZoneId,
    /// Its level.
    level: u32,
}

/// Lists the own characters.
#[utoipa::path(
    get,
    path = "/characters",
    security(("ticket" = [])),
    responses(
        (status = 200, body = Characters),
        (status = 401, description = "No valid ticket", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn list(
    State(role): State<Arc<Role>>,
    LoggedIn(account): LoggedIn,
) -> Result<Json<Characters>, Problem> {
    let mut characters = Vec::new();
    for character in role.database.characters(&account).await? {
        let Character {
            name, zone, sheet, ..
        } = newest(&role, character).await;
        let level = sheet.level;
        characters.push(Listed { name, zone, level });
    }
    Ok(Json(Characters { characters }))
}

/// Makes a character.
#[utoipa::path(
    post,
    path = "/characters",
    request_body = NewCharacter,
    security(("ticket" = [])),
    responses(
        (status = 201, body = Character),
        (status = 400, description = "The name is not valid", body = Error),
        (status = 401, description = "No valid ticket", body = Error),
        (status = 409, description = "The name is taken, or the account has 8 characters", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn create(
    State(role): State<Arc<Role>>,
    LoggedIn(account): LoggedIn,
    Body(NewCharacter { name }): Body<NewCharacter>,
) -> Result<(StatusCode, Json<Character>), Problem> {
    let name: Name = name.parse().map_err(|error: InvalidName| {
        Problem::new(StatusCode::BAD_REQUEST, error.to_string()).field("name")
    })?;
    let now = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let character = role
        .database
        .create(&account, &name, &role.start, now)
        .await?;
    Ok((StatusCode::CREATED, Json(character)))
}

/// Shows an own character.
#[utoipa::path(
    get,
    path = "/characters/{name}",
    params(("name" = String, Path)),
    security(("ticket" = [])),
    responses(
        (status = 200, body = Character),
        (status = 401, description = "No valid ticket", body = Error),
        (status = 404, description = "The account has no such character", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn show(
    State(role): State<Arc<Role>>,
    LoggedIn(account): LoggedIn,
    Named(name): Named<String>,
) -> Result<Json<Character>, Problem> {
    let name = own(&name)?;
    let character = role.database.character(&account, &name).await?;
    let character = character.ok_or_else(|| absent(name.as_str()))?;
    Ok(Json(newest(&role, character).await))
}

/// Deletes an own character that is not in the world.
#[utoipa::path(
    delete,
    path = "/characters/{name}",
    params(("name" = String, Path)),
    security(("ticket" = [])),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "No valid ticket", body = Error),
        (status = 404, description = "The account has no such character", body = Error),
        (status = 409, description = "It is in the world", body = Error),
        (status = 503, description = "Not now", body = Error),
    )
)]
pub(super) async fn delete(
    State(role): State<Arc<Role>>,
    LoggedIn(account): LoggedIn,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    let name = own(&name)?;
    let character = role.database.character(&account, &name).await?;
    let character = character.ok_or_else(|| absent(name.as_str()))?;
    let whereabouts = role.log.whereabouts(&name).await.map_err(|why| {
        tracing::warn!("cannot tell where a character is: {why}");
        Problem::later("the world cannot be asked whether the character is there: try again later")
    })?;
    if whereabouts.is_some_and(|it| it.present) {
        let error = format!("{} is in the world: leave it first", character.name);
        return Err(Problem::new(StatusCode::CONFLICT, error));
    }
    match role.database.delete(&account, &name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(absent(name.as_str())),
    }
}

/// A name in a path. One that cannot be a name is nobody's.
fn own(name: &str) -> Result<Name, Problem> {
    name.parse().map_err(|_| absent(name))
}

/// The answer for a character that does not exist, and for one of another account.
fn absent(name: &str) -> Problem {
    let error = format!("you have no character {name:?}");
    Problem::new(StatusCode::NOT_FOUND, error).field("name")
}

/// What the log knows of a character, if that is newer than what is saved. While the log is away, it
/// is what is saved.
async fn newest(role: &Role, saved: Character) -> Character {
    let known = match role.log.whereabouts(&saved.name).await {
        Ok(Some(known)) => known,
        Ok(None) => return saved,
        Err(why) => {
            tracing::debug!("showing a character as it was saved: {why}");
            return saved;
        }
    };
    // It was deleted since, and its name given to another one.
    if !known.present && known.arrival.sheet.rev < saved.sheet.rev {
        return saved;
    }
    let Whereabouts { zone, arrival, .. } = known;
    let mut newest = Character { zone, ..saved };
    let mut take = |at, sheet: Sheet| {
        if sheet.rev >= newest.sheet.rev {
            newest.at = at;
            newest.sheet = sheet;
        }
    };
    take(arrival.at, arrival.sheet);
    if known.present
        && let Ok(Some(stored)) = role.log.stored(&newest.zone).await
    {
        let id = ObjectId::player(&newest.name);
        let object = stored.objects.into_iter().find(|it| it.id == id);
        if let Some((at, player)) = object.and_then(|it| Some((it.at, it.player?))) {
            take(Some(at), player.sheet);
        }
    }
    newest
}

impl From<NotCreated> for Problem {
    fn from(why: NotCreated) -> Self {
        let conflict = |error: String| Self::new(StatusCode::CONFLICT, error);
        match why {
            NotCreated::Taken => {
                conflict("the name is taken: choose another one".to_owned()).field("name")
            }
            NotCreated::Own => {
                conflict("you have a character of this name already".to_owned()).field("name")
            }
            NotCreated::TooMany => conflict(format!(
                "an account has at most {MAX} characters: delete one first"
            )),
            NotCreated::Database(error) => error.into(),
        }
    }
}

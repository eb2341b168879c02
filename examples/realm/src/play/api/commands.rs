//! A character's commands, one request each.

use super::{
    body::Body,
    problem::{Problem, Wrong},
    who::{Here, Player},
};
use crate::{
    command::Action,
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{LogError, Whereabouts},
    messages::Scope,
    play::{
        Play,
        sessions::{self, Holder},
        text::{Wish, check, number},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use metaserve::{Backoff, Retry};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How long a command waits for a log that is away. Then the client is told to send it again.
const WAIT: Duration = Duration::from_secs(5);

/// Which character comes into the world.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Enter {
    /// The character.
    character: Name,
    /// An earlier session, to resume it.
    #[serde(default)]
    session: Option<SessionId>,
}

/// A character is in the world.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Entered {
    /// For commands, and to resume it. Secret.
    session: SessionId,
    /// The character, as its owner writes it.
    character: Name,
    /// Where it is.
    zone: ZoneId,
    /// The last command of this session that was accepted; 0 if none was.
    seq: u64,
}

/// Brings a character into the world, or the session to one that is there.
///
/// The session lasts until `/leave`, or until this gateway or host has had no command of it for 60 s.
#[utoipa::path(post, path = "/enter", request_body = Enter, security(("ticket" = [])),
    responses(
        (status = 200, body = Entered),
        (status = 400, body = Wrong, description = "the body is not as it should be"),
        (status = 401, body = Wrong, description = "no valid ticket"),
        (status = 403, body = Wrong, description = "the character is another one's"),
        (status = 409, body = Wrong, description = "the account is playing already"),
        (status = 413, body = Wrong, description = "the body is too long"),
        (status = 415, body = Wrong, description = "the body is not JSON"),
        (status = 422, body = Wrong, description = "a field is not as it should be"),
        (status = 429, body = Wrong, description = "too many requests"),
        (status = 503, body = Wrong, description = "the log or the accounts cannot be reached"),
))]
pub(super) async fn enter(
    State(play): State<Arc<Play>>,
    player: Player,
    Body(enter): Body<Enter>,
) -> Result<Json<Entered>, Problem> {
    let requests = Holder::Requests;
    let (seat, holder) = sessions::hello(&play, &player.ticket, enter.session, requests).await?;
    play.tasks
        .spawn(sessions::keep(play.clone(), seat.clone(), holder));
    let entered = sessions::enter(&play, &seat, &player.ticket, &enter.character).await;
    if entered.is_err() {
        sessions::end_unused(&play, &seat).await;
    }
    let (playing, Whereabouts { zone, seq, .. }) = entered?;
    Ok(Json(Entered {
        session: seat.session.clone(),
        character: playing.character,
        zone,
        seq,
    }))
}

/// Which session ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Leave {
    /// The session.
    session: SessionId,
}

/// Ends a session: its character leaves the world.
#[utoipa::path(post, path = "/leave", request_body = Leave, security(("ticket" = [])),
    responses(
        (status = 204, description = "it has left"),
        (status = 400, body = Wrong, description = "the body is not as it should be"),
        (status = 401, body = Wrong, description = "no valid ticket"),
        (status = 409, body = Wrong, description = "the session is not here"),
        (status = 413, body = Wrong, description = "the body is too long"),
        (status = 415, body = Wrong, description = "the body is not JSON"),
        (status = 422, body = Wrong, description = "a field is not as it should be"),
        (status = 429, body = Wrong, description = "too many requests"),
        (status = 503, body = Wrong, description = "the log cannot be reached"),
))]
pub(super) async fn leave(
    State(play): State<Arc<Play>>,
    player: Player,
    Body(leave): Body<Leave>,
) -> Result<StatusCode, Problem> {
    let seat = play.sessions.of(&player.bearer.account);
    let seat = seat
        .filter(|it| it.session == leave.session)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::CONFLICT,
                "this session is not here: it may have ended",
            )
        })?;
    let ended = timeout(WAIT, sessions::end(&play, &seat)).await;
    ended.map_err(|_| Problem::unavailable("the log cannot be reached: try again"))?;
    Ok(StatusCode::NO_CONTENT)
}

macro_rules! command {
    (
        $(#[$doc:meta])* $handler:ident, $path:literal, $body:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* },
        |$it:ident| $wish:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $body {
            /// Whose command it is.
            character: Name,
            /// The session. Not needed if the account plays at this gateway or host.
            #[serde(default)]
            session: Option<SessionId>,
            /// Its number, from 1 to 9007199254740991 in each session. One that is not greater than
            /// the last one is a repetition, and is not done again.
            seq: u64,
            $($(#[$field_doc])* $field: $type,)*
        }

        $(#[$doc])*
        #[utoipa::path(post, path = $path, request_body = $body, security(("ticket" = [])),
            params(("zone" = String, Path, description = "shared/MAP or solo/MAP/CHARACTER")),
            responses(
                (status = 202, body = Accepted),
                (status = 307, body = Wrong, description = "another host owns the zone"),
                (status = 400, body = Wrong, description = "the command is out of bounds"),
                (status = 401, body = Wrong, description = "no valid ticket"),
                (status = 403, body = Wrong, description = "the character is another one's"),
                (status = 404, body = Wrong, description = "there is no such zone or listener"),
                (status = 409, body = Wrong,
                    description = "the character is elsewhere, or not in the world"),
                (status = 413, body = Wrong, description = "the body is too long"),
                (status = 415, body = Wrong, description = "the body is not JSON"),
                (status = 422, body = Wrong, description = "a field is not as it should be"),
                (status = 429, body = Wrong, description = "too many requests"),
                (status = 503, body = Wrong, description = "the log cannot be reached"),
        ))]
        pub(super) async fn $handler(
            State(play): State<Arc<Play>>,
            Here(zone): Here,
            player: Player,
            Body($it): Body<$body>,
        ) -> Result<(StatusCode, Json<Accepted>), Problem> {
            let wish = $wish;
            let (character, session, seq) = ($it.character, $it.session, $it.seq);
            accept(&play, &zone, &player, Sender { character, session, seq }, wish).await
        }
    };
}

command! {
    /// Walks so far, in metres: at most 20.
    walk, "/zones/{zone}/move", Move {
        /// East.
        dx: f64,
        /// South.
        dy: f64,
    }, |it| Wish::Do(Action::Move { dx: it.dx, dy: it.dy })
}

command! {
    /// Says something to the zone, to one character, or to everybody.
    say, "/zones/{zone}/say", Say {
        /// To whom. Default: the zone.
        #[serde(default = "zone")]
        scope: Scope,
        /// The words: 1 to 500 bytes without control characters.
        text: String,
    }, |it| match it.scope.clone() {
        Scope::Zone => Wish::Do(Action::Say { text: it.text.clone() }),
        scope => Wish::Tell(scope, it.text.clone()),
    }
}

command! {
    /// Changes the words below the character's name.
    status, "/zones/{zone}/status", Status {
        /// The words: at most 60 bytes without control characters.
        text: String,
    }, |it| Wish::Do(Action::Status { text: it.text.clone() })
}

command! {
    /// Does what one does with an object.
    activate, "/zones/{zone}/activate", Activate {
        /// The object.
        id: ObjectId,
    }, |it| Wish::Do(Action::Activate { id: it.id.clone() })
}

const fn zone() -> Scope {
    Scope::Zone
}

/// A command is accepted: it will be done once, whatever ends.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Accepted {
    /// Its number.
    seq: u64,
}

struct Sender {
    character: Name,
    session: Option<SessionId>,
    seq: u64,
}

async fn accept(
    play: &Play,
    zone: &ZoneId,
    player: &Player,
    sender: Sender,
    wish: Wish,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let Sender {
        character,
        session,
        seq,
    } = sender;
    player.owns(play, &character).await?;
    let bad = |why: String| Problem::new(StatusCode::BAD_REQUEST, why);
    number(seq).map_err(bad)?;
    check(&wish).map_err(bad)?;
    let conflict = |why: String| Problem::new(StatusCode::CONFLICT, why);
    let seat = play.sessions.of(&player.bearer.account);
    let here = seat.as_ref().map(|it| it.session.clone());
    let session = session.or(here);
    let session = session.ok_or_else(|| conflict("send the session of /enter along".into()))?;
    let at = play.shared.log.whereabouts(&character).await?;
    if let Some(at) = at.filter(|it| it.zone != *zone) {
        return Err(conflict(format!("{character} is in {}", at.zone)));
    }
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let accepted = timeout(WAIT, async {
        loop {
            match sessions::offer(play, &session, &character, seq, &wish).await {
                Err(LogError::Away(_)) => {
                    sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
                }
                other => return other,
            }
        }
    });
    let away = |_| Problem::unavailable("the log cannot be reached: send it again, unchanged");
    accepted.await.map_err(away)??;
    if let Some(seat) = seat.filter(|it| it.session == session) {
        seat.used();
    }
    Ok((StatusCode::ACCEPTED, Json(Accepted { seq })))
}

//! Who asks, and for which zone.

use super::problem::Problem;
use crate::{
    ids::{Name, ZoneId},
    play::Play,
    tickets::Bearer,
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, header, request::Parts},
};
use metaserve::time::wall_clock;
use std::sync::Arc;

/// Who bears a valid ticket of a log-in.
pub(super) struct Player {
    /// The account.
    pub(super) bearer: Bearer,
    /// Its ticket.
    pub(super) ticket: String,
}

impl FromRequestParts<Arc<Play>> for Player {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, play: &Arc<Play>) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION);
        let ticket = header.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        let ticket = ticket.ok_or_else(|| {
            Problem::unauthorized("log in, and send the ticket: `Authorization: Bearer TICKET`")
        })?;
        let bearer = play.shared.tickets.bearer(ticket, wall_clock());
        Ok(Self {
            bearer: bearer.map_err(|why| Problem::unauthorized(why.to_string()))?,
            ticket: ticket.to_owned(),
        })
    }
}

impl Player {
    /// Whether a character that was in the world is this player's.
    pub(super) async fn owns(&self, play: &Play, character: &Name) -> Result<(), Problem> {
        let known = play.shared.log.whereabouts(character).await?;
        match known {
            Some(it) if it.arrival.account.is(&self.bearer.account) => Ok(()),
            Some(_) => {
                let why = format!("{character} is not a character of yours");
                Err(Problem::new(StatusCode::FORBIDDEN, why))
            }
            None => {
                let why = format!("{character} is not in the world: POST /enter first");
                Err(Problem::new(StatusCode::CONFLICT, why))
            }
        }
    }
}

/// The zone of the path.
pub(super) struct Zone(pub(super) ZoneId);

impl FromRequestParts<Arc<Play>> for Zone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, play: &Arc<Play>) -> Result<Self, Problem> {
        let none = |why: String| Problem::new(StatusCode::NOT_FOUND, why);
        let parameters = RawPathParams::from_request_parts(parts, play).await;
        let parameters = parameters.map_err(|why| none(why.to_string()))?;
        let parameters: Vec<_> = parameters.iter().collect();
        let id = match parameters[..] {
            [(_, map), (_, character)] => format!("solo/{map}/{character}"),
            [("map", map)] => format!("shared/{map}"),
            [(_, id)] => id.to_owned(),
            _ => String::new(),
        };
        id.parse()
            .map(Self)
            .map_err(|why: crate::ids::InvalidName| none(why.to_string()))
    }
}

/// The zone of the path, which is served here.
pub(super) struct Here(pub(super) ZoneId);

impl FromRequestParts<Arc<Play>> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, play: &Arc<Play>) -> Result<Self, Problem> {
        let Zone(zone) = Zone::from_request_parts(parts, play).await?;
        if play.serves(&zone) {
            return Ok(Self(zone));
        }
        match play.zones.get(&zone.key()) {
            Some(owner) if !owner.url.is_empty() => {
                let asked = parts.uri.path_and_query().map_or("/", |it| it.as_str());
                Err(Problem::elsewhere(&format!("{}{asked}", owner.url)))
            }
            _ => Err(Problem::unavailable(format!(
                "nobody serves {zone} now: GET /zones/{zone} at a gateway starts it"
            ))),
        }
    }
}

/// Whether a zone may be seen by who asks: shared ones by everybody, solo ones by their owner.
pub(super) async fn may_see(
    play: &Play,
    zone: &ZoneId,
    player: Result<Player, Problem>,
) -> Result<(), Problem> {
    match zone {
        ZoneId::Shared(_) => Ok(()),
        ZoneId::Solo(_, owner) => player?.owns(play, owner).await,
    }
}

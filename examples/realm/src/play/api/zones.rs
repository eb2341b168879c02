//! What zones there are, and what is in them.

use super::{
    body::Asked,
    problem::{Problem, Wrong},
    who::{Here, Player, Zone, may_see},
};
use crate::{
    command::{Happening, Output},
    ids::{ObjectId, ZoneId},
    log::{LogError, Outputs, Rev},
    object::{Place, Seen},
    play::Play,
    roles::Owner,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How many revisions are read for one answer.
const REVISIONS: usize = 1_000;

/// How long a zone may take to start.
const START: Duration = Duration::from_secs(20);

/// A zone that is owned.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ZoneRow {
    /// Its id.
    zone: ZoneId,
    /// The name of the host that owns it.
    host: String,
    /// Where the host serves it.
    url: String,
    /// The epoch of its claim.
    epoch: u64,
    /// How many players are in it.
    players: usize,
}

impl ZoneRow {
    fn new(zone: ZoneId, epoch: u64, owner: Owner) -> Self {
        let Owner { url, host, players } = owner;
        Self {
            zone,
            host,
            url,
            epoch,
            players,
        }
    }
}

/// All zones that are owned now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ZoneList {
    /// In the order of their ids.
    zones: Vec<ZoneRow>,
}

/// Lists the zones that are owned now.
#[utoipa::path(get, path = "/zones", responses((status = 200, body = ZoneList)))]
pub(super) async fn list(State(play): State<Arc<Play>>) -> Json<ZoneList> {
    let owned = play.zones.all().into_iter();
    let zones = owned.filter_map(|(key, epoch, owner)| {
        Some(ZoneRow::new(ZoneId::of_key(&key).ok()?, epoch, owner))
    });
    Json(ZoneList {
        zones: zones.collect(),
    })
}

/// Says who owns a zone, and has it started if nobody does.
#[utoipa::path(get, path = "/zones/{zone}",
    params(("zone" = String, Path, description = "shared/MAP or solo/MAP/CHARACTER")),
    responses(
        (status = 200, body = ZoneRow),
        (status = 401, body = Wrong, description = "a solo zone, and no valid ticket"),
        (status = 403, body = Wrong, description = "a solo zone of another one"),
        (status = 404, body = Wrong, description = "this is not a zone's id"),
        (status = 503, body = Wrong, description = "no host starts it"),
))]
pub(super) async fn find(
    State(play): State<Arc<Play>>,
    Zone(zone): Zone,
    player: Result<Player, Problem>,
) -> Result<Json<ZoneRow>, Problem> {
    may_see(&play, &zone, player).await?;
    let found = play.shared.names.resolve(zone.key()).or_start("");
    let found = found.within(START).ticket(play.shared.ticket.clone()).await;
    let found = found.map_err(|why| Problem::unavailable(format!("{zone}: {why}")))?;
    let owner = Owner::of(&found.value).map_err(|_| {
        Problem::unavailable(format!(
            "{zone} is claimed by something that is no zone host"
        ))
    })?;
    Ok(Json(ZoneRow::new(zone, found.epoch, owner)))
}

/// From where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// The revision of the last answer. Without it everything is told.
    rev: Option<Rev>,
}

/// What is in a zone, or what has changed there.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Objects {
    /// The zone.
    zone: ZoneId,
    /// At which revision: for the next request.
    rev: Rev,
    /// Whether `changed` is all there is: what the client knew before is void.
    full: bool,
    /// New or changed objects.
    changed: Vec<Seen>,
    /// Objects that are no longer there.
    gone: Vec<ObjectId>,
    /// What is below and around them, if this is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

/// Shows what is in a zone, or what has changed since a revision.
#[utoipa::path(get, path = "/zones/{zone}/objects",
    params(
        ("zone" = String, Path, description = "shared/MAP or solo/MAP/CHARACTER"),
        Since,
    ),
    responses(
        (status = 200, body = Objects),
        (status = 307, body = Wrong, description = "another host owns the zone"),
        (status = 400, body = Wrong, description = "the revision is no number"),
        (status = 401, body = Wrong, description = "a solo zone, and no valid ticket"),
        (status = 403, body = Wrong, description = "a solo zone of another one"),
        (status = 404, body = Wrong, description = "there is no such zone"),
        (status = 503, body = Wrong, description = "the log cannot be reached"),
))]
pub(super) async fn objects(
    State(play): State<Arc<Play>>,
    Here(zone): Here,
    Asked(since): Asked<Since>,
    player: Result<Player, Problem>,
) -> Result<Json<Objects>, Problem> {
    may_see(&play, &zone, player).await?;
    if let Some(rev) = since.rev
        && let Some((rev, outputs)) = outputs(&play, &zone, rev).await?
    {
        return Ok(Json(merged(zone, rev, outputs)));
    }
    let stored = play.shared.log.stored(&zone).await?;
    let stored = stored.ok_or_else(|| unknown(&zone))?;
    Ok(Json(Objects {
        zone,
        rev: stored.rev,
        full: true,
        changed: stored.objects.iter().map(|it| it.seen()).collect(),
        gone: Vec::new(),
        place: stored.place(),
    }))
}

fn unknown(zone: &ZoneId) -> Problem {
    let why = format!("nobody has been in {zone} yet: GET /zones/{zone} at a gateway starts it");
    Problem::new(StatusCode::NOT_FOUND, why)
}

/// What the zone has told since a revision, and the revision that is reached; none if that is not
/// kept any more.
async fn outputs(
    play: &Play,
    zone: &ZoneId,
    rev: Rev,
) -> Result<Option<(Rev, Vec<Output>)>, LogError> {
    let read = play
        .shared
        .log
        .outputs(zone, rev, REVISIONS, Duration::ZERO)
        .await?;
    Ok(match read {
        Outputs::Since(since) => {
            let reached = since.last().map_or(rev, |(rev, _)| *rev);
            Some((reached, since.into_iter().map(|(_, it)| it).collect()))
        }
        Outputs::Gap => None,
    })
}

fn merged(zone: ZoneId, rev: Rev, outputs: Vec<Output>) -> Objects {
    let (mut changed, mut gone) = (BTreeMap::new(), BTreeSet::new());
    for output in outputs {
        for id in output.gone {
            changed.remove(&id);
            gone.insert(id);
        }
        for seen in output.changed {
            gone.remove(&seen.id);
            changed.insert(seen.id.clone(), seen);
        }
    }
    Objects {
        zone,
        rev,
        full: false,
        changed: changed.into_values().collect(),
        gone: gone.into_iter().collect(),
        place: None,
    }
}

/// Something that was said in a zone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Message {
    /// Who or what has said it.
    from: String,
    /// The words.
    text: String,
}

/// What was said in a zone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Messages {
    /// The zone.
    zone: ZoneId,
    /// At which revision: for the next request.
    rev: Rev,
    /// Whether something is left out that is not kept any more.
    missed: bool,
    /// In order.
    messages: Vec<Message>,
}

/// Shows what was said in a zone since a revision.
#[utoipa::path(get, path = "/zones/{zone}/messages",
    params(
        ("zone" = String, Path, description = "shared/MAP or solo/MAP/CHARACTER"),
        Since,
    ),
    responses(
        (status = 200, body = Messages),
        (status = 307, body = Wrong, description = "another host owns the zone"),
        (status = 400, body = Wrong, description = "the revision is no number"),
        (status = 401, body = Wrong, description = "a solo zone, and no valid ticket"),
        (status = 403, body = Wrong, description = "a solo zone of another one"),
        (status = 404, body = Wrong, description = "there is no such zone"),
        (status = 503, body = Wrong, description = "the log cannot be reached"),
))]
pub(super) async fn messages(
    State(play): State<Arc<Play>>,
    Here(zone): Here,
    Asked(since): Asked<Since>,
    player: Result<Player, Problem>,
) -> Result<Json<Messages>, Problem> {
    may_see(&play, &zone, player).await?;
    if let Some((rev, outputs)) = outputs(&play, &zone, since.rev.unwrap_or_default()).await? {
        let events = outputs.into_iter().flat_map(|it| it.events);
        let said = events.filter_map(|it| match (it.to, it.what) {
            (None, Happening::Said { from, text }) => Some(Message { from, text }),
            _ => None,
        });
        return Ok(Json(Messages {
            zone,
            rev,
            missed: false,
            messages: said.collect(),
        }));
    }
    let stored = play.shared.log.stored(&zone).await?;
    let rev = stored.ok_or_else(|| unknown(&zone))?.rev;
    Ok(Json(Messages {
        zone,
        rev,
        missed: true,
        messages: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, x: f64) -> Seen {
        Seen {
            id: id.parse().unwrap(),
            kind: "hen".into(),
            name: "hen".into(),
            x,
            y: 0.0,
            radius: 0.5,
            status: String::new(),
            health: None,
            level: None,
        }
    }

    #[test]
    fn changes_are_merged_and_removals_told() {
        let id = |id: &str| id.parse().unwrap();
        let outputs = vec![
            Output {
                changed: vec![seen("a", 1.0), seen("b", 1.0)],
                ..Output::default()
            },
            Output {
                changed: vec![seen("a", 2.0)],
                gone: vec![id("b"), id("c")],
                ..Output::default()
            },
            Output {
                changed: vec![seen("c", 3.0)],
                ..Output::default()
            },
        ];
        let merged = merged("shared/meadow".parse().unwrap(), 7, outputs);
        assert_eq!(merged.changed, [seen("a", 2.0), seen("c", 3.0)]);
        assert_eq!(merged.gone, [id("b")]);
    }
}

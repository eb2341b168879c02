//! `GET /api/v1/servers`: the list in pages.

use super::{query::Query, refused::Refused, web::Web};
use crate::cluster::Seen;
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use metaserve::{
    announce::Problem,
    bounds::Position,
    feed::{Feed, json::ShownServer},
    list::Server,
};
use serde::Serialize;

/// One page of the list.
#[derive(Serialize)]
struct Page<'a> {
    /// The revision of the list, as in the ids of events.
    revision: String,
    servers: Vec<ShownServer<'a>>,
    /// Where the page ends, in fair order: the `after` of the next page. None on the last page.
    next: Option<String>,
}

/// Answers with the requested servers, or with *not modified*.
pub(super) async fn list(
    State(web): State<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let query = Query::parse(query.as_deref())?;
    let failed = || {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error: could not build the answer",
        )
    };
    let members = web.listed()?;
    let feed = web.shared.feeds.of(query.game.as_ref());
    // Read before the servers: with a tag that is too old a client asks again, with one that is too
    // new it would miss a change.
    let revision = format!("{}.{}", feed.epoch(), feed.revision().0);
    // Weak, since compression changes the bytes. A tag of another query is not known.
    let stale = members.as_ref().map(|it| format!("-{}", it.version));
    let stale = stale.unwrap_or_default();
    let tag = format!("W/\"{revision}-{}{stale}\"", query.mark());
    let caching = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".into()),
    ];
    if knows(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let making = web.making.acquire_owned().await.map_err(|_| failed())?;
    let made = tokio::task::spawn_blocking(move || {
        let page = page(&feed, &query, revision, members.as_deref());
        drop(making);
        page
    });
    let json = made.await.map_err(|_| failed())?.map_err(|_| failed())?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((caching, kind, json).into_response())
}

/// The number of servers to look at while the list is locked.
const CHUNK: usize = 1000;

fn page(
    feed: &Feed,
    query: &Query,
    revision: String,
    members: Option<&Seen>,
) -> serde_json::Result<String> {
    let mut wanted: Vec<(Position, Server)> = Vec::new();
    let mut after = query.after;
    // One more than the limit shows whether there is a next page.
    while wanted.len() <= query.limit {
        let chunk = feed.servers_in_order(after, CHUNK);
        let Some((last, _)) = chunk.last() else {
            break;
        };
        after = Some(*last);
        let room = query.limit + 1 - wanted.len();
        let found = chunk.into_iter().filter(|(_, server)| query.wants(server));
        wanted.extend(found.take(room));
    }
    let more = wanted.len() > query.limit;
    wanted.truncate(query.limit);
    let last = wanted.last().map(|(position, _)| position.to_string());
    serde_json::to_string(&Page {
        revision,
        servers: wanted.iter().map(|(_, it)| shown(it, members)).collect(),
        next: last.filter(|_| more),
    })
}

/// A server, marked if its member is not heard.
fn shown<'a>(server: &'a Server, members: Option<&Seen>) -> ShownServer<'a> {
    ShownServer {
        stale: members.is_some_and(|it| it.is_stale(&server.origin)),
        ..ShownServer::from(server)
    }
}

/// Whether the client already has the version with this tag.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tags = headers.get_all(header::IF_NONE_MATCH).iter();
    tags.filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

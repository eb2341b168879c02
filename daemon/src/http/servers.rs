//! `GET /api/v1/servers`: the list in pages.

use super::{Problem, Web, query::Query};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use metaserve::{
    feed::{Feed, json::ShownServer},
    registry::Server,
};
use serde::Serialize;

/// One page of the list.
#[derive(Serialize)]
struct Page<'a> {
    /// Where in the list's history this is, as in the ids of events.
    revision: String,
    servers: Vec<ShownServer<'a>>,
    /// The `after` of the next page; none on the last.
    next: Option<u64>,
}

/// Answers with the servers asked for, or with *not modified*.
pub(super) async fn list(
    State(web): State<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref())?;
    let failed = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer was not made");
    let feed = web.shared.registry.feed(None);
    // Read before the servers: a tag that is too old is asked for again, one too new never.
    let revision = format!("{}.{}", feed.epoch(), feed.revision().0);
    // Weak, since compression changes the bytes. The query is part of what the tag is for.
    let tag = format!("W/\"{revision}\"");
    let caching = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".into()),
    ];
    if knows(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let making = web.making.acquire_owned().await.map_err(|_| failed())?;
    let made = tokio::task::spawn_blocking(move || {
        let page = page(&feed, &query, revision);
        drop(making);
        page
    });
    let json = made.await.map_err(|_| failed())?.map_err(|_| failed())?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((caching, kind, json).into_response())
}

fn page(feed: &Feed, query: &Query, revision: String) -> serde_json::Result<String> {
    let mut servers = feed.servers();
    servers.retain(|server| server.number > query.after);
    servers.sort_unstable_by_key(|server| server.number);
    // One more than fits tells whether there is a next page.
    let wanted = servers.iter().filter(|server| query.wants(server));
    let mut wanted: Vec<&Server> = wanted.take(query.limit + 1).collect();
    let more = wanted.len() > query.limit;
    wanted.truncate(query.limit);
    let last = wanted.last().map(|server| server.number);
    serde_json::to_string(&Page {
        revision,
        servers: wanted.into_iter().map(ShownServer::from).collect(),
        next: last.filter(|_| more),
    })
}

/// Whether the client has what this tag is for.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tags = headers.get_all(header::IF_NONE_MATCH).iter();
    tags.filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

//! `GET /api/v1/events`: the list as server-sent events, live.
//!
//! A listener is a cursor, as a QUIC client is: it receives shared frames one after the other, as
//! fast as it reads, and everything that it missed in one frame.

use super::{client::Client, query, refused::Refused, web::Web};
use crate::{
    admission::{Seat, Vacancy},
    metrics::{Counted, Pool, Way},
    rules::Limit,
    shared::Shared,
};
use axum::{
    Extension,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{Game, announce::Problem, bounds::Room, feed::Subscription, list::Cursor};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// After this much silence, the daemon sends a comment, to notice listeners that are gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// How long a browser waits before it reconnects.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// Answers with a snapshot and then with every change. A listener that sends `Last-Event-ID` gets
/// the changes since then instead of the snapshot.
pub(super) async fn listen(
    State(web): State<Web>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    web.listed()?;
    let game = game(query.as_deref())?;
    let rules = web.shared.rules();
    let room = Room::new(rules.limits.max_listeners, usize::MAX);
    let taken = web
        .listeners
        .take(rules.trusted.origin(client.address), room);
    let (seat, vacancy) = taken.map_err(|why| {
        web.shared.metrics.reached(Limit::MaxListeners);
        let reason = format!("listeners: {why} (--max-listeners): try again later");
        Problem::for_now(10, reason)
    })?;
    if vacancy == Vacancy::TakenOver {
        web.shared.metrics.crowded_out(Pool::Listeners);
    }
    let lost = seat.losing();
    let feed = web.shared.feeds.of(game.as_ref());
    let known = headers
        .get("last-event-id")
        .and_then(|id| known(id.to_str().ok()?));
    let listener = Listener {
        subscription: feed.subscribe(known),
        shared: web.shared.clone(),
        _counted: web.shared.metrics.listening(),
        _seat: seat,
    };
    let events = events(listener);
    let closing = web.closing.clone().cancelled_owned();
    let events = events
        .take_until(closing)
        .take_until(lost.cancelled_owned());
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Otherwise nginx waits until it has 4 KiB.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

struct Listener {
    subscription: Subscription,
    shared: Arc<Shared>,
    _counted: Counted,
    _seat: Seat,
}

fn events(listener: Listener) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let following = stream::unfold(listener, async |mut listener| {
        let next = tokio::time::timeout(SIGN_OF_LIFE, listener.subscription.next()).await;
        let event = next.map_or(Bytes::from_static(b":\n\n"), |frame| {
            let event = frame.event();
            listener.shared.metrics.sent(Way::Http, &frame, event.len());
            event
        });
        Some((Ok(event), listener))
    });
    stream::iter([Ok(Bytes::from_static(RETRY))]).chain(following)
}

fn game(query: Option<&str>) -> Result<Option<Game>, Problem> {
    let mut game = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "game" if value.is_empty() => {}
            "game" => game = Some(query::game(&value)?),
            _ => {
                let known = "unknown parameter: use game";
                return Err(Problem::new(StatusCode::BAD_REQUEST, known));
            }
        }
    }
    Ok(game)
}

/// The cursor in the id of a listener's last event. With an id in any other form, the listener gets
/// a snapshot.
fn known(id: &str) -> Option<Cursor> {
    let (epoch, revision) = id.split_once('.')?;
    Some(Cursor {
        epoch: epoch.parse().ok()?,
        revision: revision.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_earns_a_snapshot() {
        let ours = Cursor {
            epoch: 7,
            revision: 12,
        };
        assert_eq!(known("7.12"), Some(ours));
        for other in [
            "",
            "7",
            "7.",
            ".12",
            "7.12.1",
            "-7.12",
            "99999999999999999999999.1",
        ] {
            assert_eq!(known(other), None, "{other}");
        }
    }
}

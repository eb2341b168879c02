//! The paths of HTTP (`docs/specifications/luanti-serverlist.md`, sections 2, 4 and 6).

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use metaserve::bans::Ban;
use metaserve_query::luanti::{Announcement, InvalidAnnouncement};
use tokio::{net::lookup_host, sync::Semaphore, time::timeout};

use super::list::{Asked, List};
use crate::{
    metrics::Outcome,
    web::{self, Client, Counter, Reply, Site},
};

/// The longest body of a request in bytes (`docs/specifications/luanti-serverlist.md`, section 10).
const MAX_BYTES: usize = 16 * 1024;

/// How long a name may take to be looked up, how many are at the same time, and the longest name.
const LOOKUP_TIME: Duration = Duration::from_secs(5);
const LOOKUPS: usize = 16;
const MAX_NAME: usize = 255;

/// What all requests share.
struct Shared {
    counter: Counter<List>,
    lookups: Semaphore,
}

/// The paths. A setting of servers and clients can put any name before them.
pub(super) fn site(counter: Counter<List>) -> Site {
    let tally = counter.tally().clone();
    let shared = Shared {
        counter,
        lookups: Semaphore::new(LOOKUPS),
    };
    Site {
        tally,
        routes: Router::new()
            .route("/announce", any(announce))
            .route("/list", get(list))
            .route("/{path}/announce", any(announce))
            .route("/{path}/list", get(list))
            .with_state(Arc::new(shared)),
        banned,
    }
}

async fn announce(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Response {
    let asked = async {
        let announcement = read(request).await?;
        let resolved = resolved(&shared, &announcement).await?;
        let asked = Asked {
            from: client.0,
            announcement,
            resolved,
        };
        let reply = shared.counter.ask(asked).await;
        reply.ok_or_else(|| refused(503, "The list is closing."))
    };
    let reply = asked.await.unwrap_or_else(|reply: Reply| {
        let text = String::from_utf8_lossy(&reply.body);
        tracing::debug!(client = %client.0, status = reply.status, "refused: {text}");
        let outcome = Outcome::refused(reply.status);
        shared.counter.tally().registration(outcome);
        reply
    });
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, reply.body).into_response()
}

fn refused(status: u16, why: impl Into<String>) -> Reply {
    let body = why.into().into();
    Reply { status, body }
}

/// Reads the announcement in a request, of either form.
async fn read(request: Request) -> Result<Announcement, Reply> {
    let (head, body) = request.into_parts();
    let read = match head.method {
        Method::GET => Announcement::from_query(head.uri.query().unwrap_or_default()),
        Method::POST => {
            let body = web::read(&head.headers, body, MAX_BYTES).await;
            let body = body.map_err(|why| match why.status() {
                413 => refused(413, InvalidAnnouncement::TooLong.to_string()),
                status => refused(status, why.to_string()),
            })?;
            let kind = head.headers.get(CONTENT_TYPE);
            let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
            Announcement::read(kind, &body)
        }
        _ => return Err(refused(405, "Use POST to announce a server.")),
    };
    read.map_err(|why| match why {
        InvalidAnnouncement::TooLong => refused(413, why.to_string()),
        why => refused(400, why.to_string()),
    })
}

/// Looks up the address that a server gives, if it gives one.
async fn resolved(
    shared: &Shared,
    announcement: &Announcement,
) -> Result<Option<Vec<IpAddr>>, Reply> {
    let Announcement::Listed { port, said, .. } = announcement else {
        return Ok(None);
    };
    let name = said.address.trim_start_matches('[').trim_end_matches(']');
    if said.address.is_empty() {
        return Ok(None);
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(Some(vec![ip.to_canonical()]));
    }
    let unknown = || refused(400, "The address cannot be resolved.");
    if name.len() > MAX_NAME || !name.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(unknown());
    }
    let busy = |_| refused(503, "Too many names are looked up now.");
    let _place = shared.lookups.try_acquire().map_err(busy)?;
    let found = timeout(LOOKUP_TIME, lookup_host((name, *port))).await;
    let found = found.map_err(|_| unknown())?.map_err(|_| unknown())?;
    let mut found: Vec<IpAddr> = found.map(|it| it.ip().to_canonical()).collect();
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.counter.list(&headers).await
}

fn banned(_: &Ban) -> Response {
    (StatusCode::FORBIDDEN, "Banned (IP).").into_response()
}

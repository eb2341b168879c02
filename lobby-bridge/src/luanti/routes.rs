//! The paths of HTTP (`docs/specifications/luanti-serverlist.md`, sections 2, 4 and 6).

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

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

use super::{
    list::{Asked, Event},
    page::Shown,
    server::Errands,
};
use crate::{
    metrics::{Outcome, Tally},
    peers::Owner,
    web::{self, Client, Page, Reply, Site},
};

/// The list is not to be cached (`docs/specifications/luanti-serverlist.md`, section 6).
pub(super) const CACHED: &str = "no-cache";

/// The longest body of a request in bytes (`docs/specifications/luanti-serverlist.md`, section 10).
const MAX_BYTES: usize = 16 * 1024;

/// How long a name may take to be looked up, how many are at the same time, and the longest name.
const LOOKUP_TIME: Duration = Duration::from_secs(5);
const LOOKUPS: usize = 16;
const MAX_NAME: usize = 255;

/// What all requests share.
struct Shared {
    owner: Owner<Errands>,
    requests: AtomicU64,
    page: Page<Shown>,
    lookups: Semaphore,
    tally: Tally,
}

/// The paths. A setting of servers and clients can put any name before them.
pub(super) fn site(owner: Owner<Errands>, page: Page<Shown>, tally: Tally) -> Site {
    let shared = Shared {
        owner,
        requests: AtomicU64::new(0),
        page,
        lookups: Semaphore::new(LOOKUPS),
        tally: tally.clone(),
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
        let event = Event::Asks(Box::new(asked));
        let reply = web::ask(&shared.owner, &shared.requests, event).await;
        reply.ok_or_else(|| refused(503, "The list is closing."))
    };
    let reply = asked.await.unwrap_or_else(|reply: Reply| {
        let text = String::from_utf8_lossy(&reply.body);
        tracing::debug!(client = %client.0, status = reply.status, "refused: {text}");
        shared.tally.registration(Outcome::refused(reply.status));
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
    shared.page.answer(&headers).await
}

fn banned(_: &Ban) -> Response {
    (StatusCode::FORBIDDEN, "Banned (IP).").into_response()
}

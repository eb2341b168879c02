//! The paths of HTTP (`docs/specifications/ddnet-register.md`, sections 2, 3, 8 and 10).

use std::sync::{Arc, atomic::AtomicU64};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use metaserve::{bans::Ban, time::wall_clock};

use super::{
    info,
    list::Shown,
    master::Event,
    request::{self, Answer},
    server::Errands,
};
use crate::{
    bans,
    metrics::Tally,
    peers::Owner,
    web::{self, Client, Page, Reply, Site},
};

/// How long clients may keep the list.
pub(super) const CACHED: &str = "public, max-age=1";

/// What all requests share.
struct Shared {
    owner: Owner<Errands>,
    requests: AtomicU64,
    page: Page<Shown>,
    tally: Tally,
}

pub(super) fn site(owner: Owner<Errands>, page: Page<Shown>, tally: Tally) -> Site {
    let shared = Shared {
        owner,
        requests: AtomicU64::new(0),
        page,
        tally: tally.clone(),
    };
    Site {
        tally,
        routes: Router::new()
            .route("/ddnet/15/register", any(register))
            .route("/ddnet/15/servers.json", get(servers).fallback(method))
            .route("/ddnet/{*path}", any(nothing))
            .with_state(Arc::new(shared)),
        banned,
    }
}

async fn register(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Response {
    let asked = async {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(Answer::Error(405, "use POST to register".into()));
        }
        let body = web::read(&head.headers, body, info::MAX_BYTES).await;
        let body = body.map_err(|why| Answer::Error(why.status(), why.to_string()))?;
        let request = request::Request::read(client.0, &head.headers, body)?;
        let event = Event::Asks(Box::new(request), wall_clock());
        let reply = web::ask(&shared.owner, &shared.requests, event).await;
        reply.ok_or_else(|| Answer::Error(503, "the list is closing".into()))
    };
    let reply = asked.await.unwrap_or_else(|answer| {
        tracing::debug!(client = %client.0, ?answer, "refused");
        shared.tally.registration(answer.outcome());
        answer.reply()
    });
    json(reply)
}

async fn servers(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.page.answer(request.headers()).await
}

async fn method() -> Response {
    json(Answer::Error(405, "use GET to fetch the list".into()).reply())
}

async fn nothing() -> Response {
    let why = "not found: servers register at /ddnet/15/register, and clients fetch \
               /ddnet/15/servers.json";
    json(Answer::Error(404, why.into()).reply())
}

fn banned(ban: &Ban) -> Response {
    json(Answer::refused(bans::told(ban)).reply())
}

fn json(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, reply.body).into_response()
}

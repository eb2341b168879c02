//! The paths of HTTP (`docs/specifications/ddnet-register.md`, sections 2, 3, 8 and 10).

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use metaserve::bans::Ban;

use super::{
    info,
    master::Master,
    request::{self, Answer},
};
use crate::{
    bans,
    web::{self, Client, Counter, Reply, Site},
};

pub(super) fn site(counter: Counter<Master>) -> Site {
    Site {
        tally: counter.tally().clone(),
        routes: Router::new()
            .route("/ddnet/15/register", any(register))
            .route("/ddnet/15/servers.json", get(servers).fallback(method))
            .route("/ddnet/{*path}", any(nothing))
            .with_state(Arc::new(counter)),
        banned,
    }
}

async fn register(
    State(counter): State<Arc<Counter<Master>>>,
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
        let reply = counter.ask(request).await;
        reply.ok_or_else(|| Answer::Error(503, "the list is closing".into()))
    };
    let reply = asked.await.unwrap_or_else(|answer| {
        tracing::debug!(client = %client.0, ?answer, "refused");
        counter.tally().registration(answer.outcome());
        answer.reply()
    });
    json(reply)
}

async fn servers(State(counter): State<Arc<Counter<Master>>>, request: Request) -> Response {
    counter.list(request.headers()).await
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

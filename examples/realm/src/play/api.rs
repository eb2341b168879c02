//! The routes.

use super::{Play, socket, text::FRAME_BYTES};
use axum::{
    Router,
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::sync::Arc;

/// A longer frame than may be sent is answered; above this the socket is closed.
const CLOSED_BYTES: usize = 4 * FRAME_BYTES;

pub(super) fn router(play: Arc<Play>) -> Router {
    Router::new().route("/ws", get(ws)).with_state(play)
}

/// An answer that says what is wrong.
pub(super) fn error(status: StatusCode, why: &str) -> Response {
    (status, axum::Json(json!({ "error": why }))).into_response()
}

async fn ws(
    State(play): State<Arc<Play>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(why) = same_site(&headers, &play.settings.origin) {
        return error(StatusCode::FORBIDDEN, &why);
    }
    upgrade
        .max_message_size(CLOSED_BYTES)
        .max_frame_size(CLOSED_BYTES)
        .on_upgrade(move |socket| {
            let tasks = play.tasks.clone();
            tasks.track_future(socket::serve(play, socket))
        })
}

/// Whether a page of this site, a listed one, or no page asks. Browsers send the page's origin along
/// and let every page open a WebSocket to every host.
fn same_site(headers: &HeaderMap, listed: &[String]) -> Result<(), String> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    if listed.iter().any(|it| it.eq_ignore_ascii_case(origin))
        || (host.is_some() && host == origin_host)
    {
        Ok(())
    } else {
        Err("pages of other sites may not play here: permit them with --origin".into())
    }
}

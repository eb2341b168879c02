//! Opening WebSockets.

use super::problem::{Problem, Wrong};
use crate::play::{
    Play,
    socket::{self, SocketPlace},
    text::FRAME_BYTES,
};
use axum::{
    extract::{ConnectInfo, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use metaserve::bounds::{Origin, Room};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// A longer frame than may be sent is answered; above this the socket is closed.
const CLOSED_BYTES: usize = 4 * FRAME_BYTES;

/// Opens a WebSocket for a player or a spectator.
///
/// Text frames with JSON objects go in both directions, at most 16 KiB up, 30 a second. A player says
/// `hello` and `enter`, a spectator `watch`.
#[utoipa::path(get, path = "/ws", responses(
    (status = 101, description = "the WebSocket is open"),
    (status = 400, body = Wrong, description = "the request does not ask for a WebSocket"),
    (status = 403, body = Wrong, description = "a page of another site asks"),
    (status = 426, body = Wrong, description = "the connection cannot become a WebSocket"),
    (status = 503, body = Wrong, description = "there are too many"),
))]
pub(super) async fn ws(
    State(play): State<Arc<Play>>,
    headers: HeaderMap,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    same_site(&headers, &play.settings.origin)
        .map_err(|why| Problem::new(StatusCode::FORBIDDEN, why))?;
    let upgrade = upgrade.map_err(|why| Problem::new(why.status(), why.body_text()))?;
    let client = peer.map(|it| play.client(it.0.0.ip(), &headers).address);
    let place = place(&play, client)?;
    let upgrade = upgrade
        .max_message_size(CLOSED_BYTES)
        .max_frame_size(CLOSED_BYTES);
    Ok(upgrade.on_upgrade(move |it| {
        let tasks = play.tasks.clone();
        tasks.track_future(socket::serve(play, it, place))
    }))
}

/// A place for a socket. If there is none, and one address has more of them than others, it makes
/// room for another one.
fn place(play: &Play, client: Option<IpAddr>) -> Result<SocketPlace, Problem> {
    let settings = &play.settings;
    let room = Room::new(settings.max_sockets, settings.max_sockets_per_address);
    let origin = Origin::alone(client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let lost = CancellationToken::new();
    let taken = play.places.take(origin, room, lost.clone());
    let taken = taken.map_err(|why| Problem::unavailable(format!("WebSockets: {why}")))?;
    if let Some(other) = taken.instead_of {
        other.cancel();
    }
    Ok(SocketPlace {
        _place: taken.place,
        lost,
    })
}

/// Whether a page of this site, a listed one, or no page asks. Browsers send the page's origin along,
/// and let every page open a WebSocket to every host.
fn same_site(headers: &HeaderMap, listed: &[String]) -> Result<(), String> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    let is_listed = listed.iter().any(|it| it.eq_ignore_ascii_case(origin));
    if is_listed || (host.is_some() && host == origin_host) {
        Ok(())
    } else {
        Err("pages of other sites may not play here: permit them with --origin".into())
    }
}

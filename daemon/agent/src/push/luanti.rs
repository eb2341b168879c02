//! What a Luanti server tells the list of its own game, for a server whose `query` is `luanti://`:
//! the ping says whether it is there, and this what it is called and who plays.
//!
//! The operator sets `serverlist_url` of the server to the agent's address.

use super::{body, local::refused};
use crate::watch::Servers;
use axum::{
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use metaserve::announce::{Outcome, Refusal};
use metaserve_query::luanti::{Announcement, InvalidAnnouncement};

/// The longest form. Its field `json` has at most 8,192 bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Takes in `POST /announce`. (The public list takes a `GET` as well, which any page could cause.)
/// The server logs an answer that is no success, and goes on.
pub(super) async fn announce(State(servers): State<Servers>, request: Request) -> Response {
    match take_in(&servers, request).await {
        Ok(said) => (StatusCode::ACCEPTED, said).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

async fn take_in(servers: &Servers, request: Request) -> Result<&'static str, Refusal> {
    let (head, content) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let content = body(content, MAX_BYTES).await?;
    let announced = Announcement::read(kind, &content).map_err(|error| match error {
        InvalidAnnouncement::TooLong => Refusal::new(Outcome::Oversize, error.to_string()),
        error => Refusal::malformed("json", error.to_string()),
    })?;
    let (port, info) = match announced {
        Announcement::Listed { port, info, .. } => (port, Some(info)),
        Announcement::Gone { port } => (port, None),
    };
    match servers.describe(port, info.map(|it| *it)) {
        true => Ok("Request has been filed."),
        false => Err(Refusal::new(
            Outcome::NotListed,
            format!("no server of the agent has query = \"luanti://127.0.0.1:{port}\""),
        )),
    }
}

//! Announcements as the daemon accepts them as well.

use super::{body, local::refused};
use crate::watch::{PushError, Servers};
use axum::{
    extract::{Request, State},
    http::Method,
    response::{IntoResponse, Response},
};
use metaserve::{
    Limits,
    announce::{self, Announcement, Answer, Outcome, Refusal},
};
use std::time::Duration;

/// After which time it is worth trying again when the agent has no room: TTLs end meanwhile.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Lists a server, keeps it listed, or takes it off the list.
pub(super) async fn announce(State(servers): State<Servers>, request: Request) -> Response {
    let (head, content) = request.into_parts();
    let done = async {
        let announced = Announcement::read(head.uri.path(), head.uri.query())?;
        match head.method {
            Method::PUT => {
                let limits = Limits::default();
                let max_bytes = limits.max_heartbeat_bytes;
                announce::check_body(&head.headers, max_bytes)?;
                let content = body(content, max_bytes).await?;
                let heartbeat = announce::whole_body(&content, max_bytes)?;
                let Announcement { game, port, ttl } = &announced;
                let pushed = servers.push(game, *port, heartbeat, *ttl);
                let pushed = pushed.map_err(|error| not_listed(&error))?;
                let answer = Answer {
                    outcome: if pushed.is_new {
                        Outcome::Listed
                    } else {
                        Outcome::Kept
                    },
                    address: None,
                    identity: Some(pushed.identity),
                    listed: Some(pushed.is_listed),
                    ttl: *ttl,
                    announce_every: announced.announce_every(),
                    min_interval: limits.min_interval,
                };
                Ok(answer.response().into_response())
            }
            Method::DELETE if servers.withdraw(&announced.game, announced.port) => {
                Ok(announce::unlisted().into_response())
            }
            Method::DELETE => Err(Refusal::new(
                Outcome::NotListed,
                "no server of this game and port was pushed, or its TTL is over",
            )),
            _ => Err(Refusal::new(
                Outcome::Method,
                "use PUT to list a server, or DELETE to take it off the list",
            )),
        }
    };
    done.await.unwrap_or_else(|refusal| refused(&refusal))
}

fn not_listed(error: &PushError) -> Refusal {
    let outcome = match error {
        PushError::Asked(_) => Outcome::Taken,
        PushError::Full(_) | PushError::Identities(_) => Outcome::Full,
        _ => Outcome::NotReady,
    };
    let refusal = Refusal::new(outcome, error.to_string());
    match outcome {
        // Nothing but other settings changes that.
        Outcome::Taken => refusal,
        _ => refusal.retry_after(TRY_AGAIN),
    }
}

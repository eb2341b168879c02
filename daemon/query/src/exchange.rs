//! The sockets of a query.

use crate::{Target, Unanswered};
use metaserve::ServerInfo;

/// Asks a game server for its state.
///
/// # Errors
/// Why there is no answer.
pub async fn query(target: &Target) -> Result<ServerInfo, Unanswered> {
    let _ = target.protocol.dialogue();
    Err(Unanswered::Closed)
}

//! The sockets of a query.

mod replay;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use replay::replay;
#[cfg(feature = "gamedig")]
pub(crate) use udp::{MAX_DATAGRAM_BYTES, Received, connected};

use crate::{Target, Unanswered, dialogue::Conversation};
use metaserve::ServerInfo;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{net::lookup_host, time::timeout};

/// How long a query takes at most, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The longest record: what a daemon accepts by default.
const MAX_RECORD_BYTES: usize = 8 * 1024;

/// The most datagrams of one query. A server of the first Quake has one for each of up to 255
/// players, and each may come twice, since a request that seems lost is repeated.
const MAX_DATAGRAMS: usize = 512;

/// The most bytes of a server's answers, over either transport.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// Asks a game server for its state, for [`PATIENCE`] at most.
///
/// The record is within its bounds and at most 8 KiB long. A server without a name is called by its
/// host and port. A name is resolved each time, and asked at its first address of each family, one
/// after the other.
///
/// Needs tokio with its timers and sockets. It sends a few small packets, waits for answers from
/// exactly that address, reads 256 KB at most, and keeps nothing. Cancel safe: when the future is
/// dropped, its sockets are closed.
///
/// # Errors
/// Why there is no answer.
pub async fn query(target: &Target) -> Result<ServerInfo, Unanswered> {
    query_within(target, PATIENCE).await
}

/// Asks a game server for its state, for `patience` at most: see [`query`].
///
/// # Errors
/// Why there is no answer.
pub async fn query_within(target: &Target, patience: Duration) -> Result<ServerInfo, Unanswered> {
    let servers = resolve(target, patience).await?;
    let each = patience / servers.len().try_into().unwrap_or(1);
    let mut why = None;
    for server in servers {
        match ask(target, server, each).await {
            Ok(info) => return Ok(presentable(info, target)),
            Err(other) => {
                why = Some(match why {
                    None => other,
                    Some(why) => Unanswered::or(why, other),
                });
            }
        }
    }
    Err(why.unwrap_or(Unanswered::Silent(patience)))
}

/// The first address of each family, in the resolver's order; never empty.
async fn resolve(target: &Target, patience: Duration) -> Result<Vec<SocketAddr>, Unanswered> {
    let unknown = |source| Unanswered::NoAddress {
        name: target.host.clone(),
        source,
    };
    let lookup = lookup_host((target.host.as_str(), target.port));
    let late = |_| Err(io::ErrorKind::TimedOut.into());
    let found = timeout(patience, lookup).await.unwrap_or_else(late);
    let mut servers: Vec<SocketAddr> = Vec::new();
    for server in found.map_err(unknown)? {
        if servers.iter().all(|it| it.is_ipv4() != server.is_ipv4()) {
            servers.push(server);
        }
    }
    match servers.is_empty() {
        true => Err(unknown(io::ErrorKind::NotFound.into())),
        false => Ok(servers),
    }
}

async fn ask(
    target: &Target,
    server: SocketAddr,
    patience: Duration,
) -> Result<ServerInfo, Unanswered> {
    let rng = fastrand::Rng::new();
    let answer = match target.protocol.conversation(target, rng) {
        Conversation::Datagrams(mut dialogue) => {
            udp::converse(server, &mut *dialogue, patience).await
        }
        Conversation::Streams(calls) => tcp::call(server, calls, patience).await,
        #[cfg(feature = "gamedig")]
        Conversation::Library(game) => game.query(server, patience).await,
    };
    answer.map(|info| *info)
}

/// The record with a name, within its bounds.
pub(crate) fn presentable(mut info: ServerInfo, target: &Target) -> ServerInfo {
    if info.name.is_empty() {
        info.name = target.authority();
    }
    info.fit(MAX_RECORD_BYTES)
}

//! The sockets of a query.

mod replay;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use replay::replay;
#[cfg(feature = "gamedig")]
pub(crate) use udp::{MAX_DATAGRAM_BYTES, Received, connected};

use crate::{Answer, Target, Unanswered, dialogue::Conversation};
use metaserve::{ServerInfo, time};
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{net::lookup_host, time::timeout_at};

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
pub async fn query(target: &Target) -> Result<Answer, Unanswered> {
    query_within(target, PATIENCE).await
}

/// Asks a game server for its state, for `patience` at most, in which its name is resolved as well:
/// see [`query`].
///
/// # Errors
/// Why there is no answer.
pub async fn query_within(target: &Target, patience: Duration) -> Result<Answer, Unanswered> {
    let addresses = async {
        let found = lookup_host((target.host.as_str(), target.port)).await?;
        Ok(found.collect())
    };
    query_at(target, addresses, patience).await
}

/// Asks the server at the addresses that its name is found to have.
async fn query_at(
    target: &Target,
    addresses: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    patience: Duration,
) -> Result<Answer, Unanswered> {
    let end = time::now() + patience;
    let mut servers = resolve(target, addresses, end).await?.into_iter();
    let mut why = Unanswered::Closed;
    while let Some(server) = servers.next() {
        // What one address leaves of the time is for the next one.
        let left = end.saturating_duration_since(time::now());
        let each = left / u32::try_from(1 + servers.len()).unwrap_or(u32::MAX);
        match ask(target, server, each).await {
            Ok(Answer { info, port }) => {
                let info = presentable(info, target);
                return Ok(Answer { info, port });
            }
            // In all, it is the whole time.
            Err(Unanswered::Silent(_)) => why = why.or(Unanswered::Silent(patience)),
            Err(other) => why = why.or(other),
        }
    }
    Err(why)
}

/// The first address of each family, in the resolver's order; never empty.
async fn resolve(
    target: &Target,
    addresses: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    end: Instant,
) -> Result<Vec<SocketAddr>, Unanswered> {
    let unknown = |source| Unanswered::NoAddress {
        name: target.host.clone(),
        source,
    };
    let late = |_| Err(io::ErrorKind::TimedOut.into());
    let found = timeout_at(end.into(), addresses).await.unwrap_or_else(late);
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
) -> Result<Answer, Unanswered> {
    let rng = fastrand::Rng::new();
    match target.protocol.conversation(target, rng) {
        Conversation::Datagrams(mut dialogue) => {
            let info = udp::converse(server, &mut *dialogue, patience).await?;
            Ok(Answer {
                info: *info,
                port: dialogue.port(),
            })
        }
        Conversation::Streams(calls) => {
            let info = tcp::call(server, calls, patience).await?;
            Ok(Answer {
                info: *info,
                port: None,
            })
        }
        #[cfg(feature = "gamedig")]
        Conversation::Library(game) => game.query(server, patience).await,
    }
}

/// The record with a name, within its bounds.
pub(crate) fn presentable(mut info: ServerInfo, target: &Target) -> ServerInfo {
    if info.name.is_empty() {
        info.name = target.authority();
    }
    info.fit(MAX_RECORD_BYTES)
}

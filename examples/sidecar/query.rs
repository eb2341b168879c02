//! Selects the query that a game server understands, and sends it.

use crate::{info, quake};
use anyhow::{Context, anyhow};
use gamedig::{
    ExtraRequestSettings, GAMES, Game, TimeoutSettings,
    protocols::{Protocol, gamespy::GameSpyVersion, quake::QuakeVersion, valve::Engine},
};
use metaserve::ServerInfo;
use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
    time::Duration,
};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest heartbeat to publish: what a daemon accepts by default.
const MAX_BYTES: usize = 8 * 1024;

/// How long a query with several answers may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The kind of game server: a game that gamedig supports, or a bare protocol.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    id: String,
    game: Game,
}

impl Kind {
    /// The name by which it was selected.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let bare = |(_, protocol)| Game {
            name: "any",
            default_port: 0,
            protocol,
            request_settings: ExtraRequestSettings::default(),
        };
        let protocol = PROTOCOLS.into_iter().find(|(name, _)| *name == id);
        let game = GAMES.get(id).cloned().or_else(|| protocol.map(bare));
        let game = game.ok_or_else(|| {
            let mut known: Vec<&str> = GAMES.keys().copied().collect();
            known.extend(PROTOCOLS.map(|(name, _)| name));
            known.sort_unstable();
            known.dedup();
            format!("choose a game or a protocol: {}", known.join(", "))
        })?;
        let id = id.to_owned();
        Ok(Self { id, game })
    }
}

/// Protocols for games without a definition of their own.
const PROTOCOLS: [(&str, Protocol); 9] = [
    ("quake1", Protocol::Quake(QuakeVersion::One)),
    ("quake2", Protocol::Quake(QuakeVersion::Two)),
    ("quake3", Protocol::Quake(QuakeVersion::Three)),
    ("valve", Protocol::Valve(Engine::Source(None))),
    ("goldsrc", Protocol::Valve(Engine::GoldSrc(false))),
    ("unreal2", Protocol::Unreal2),
    ("gamespy1", Protocol::Gamespy(GameSpyVersion::One)),
    ("gamespy2", Protocol::Gamespy(GameSpyVersion::Two)),
    ("gamespy3", Protocol::Gamespy(GameSpyVersion::Three)),
];

/// `HOST:PORT` of a game server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Resolves the address. gamedig uses IPv4 only. A name is resolved each time, since its
    /// address may change.
    fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        found
            .with_context(|| format!("cannot find the address of {self}"))?
            .find(SocketAddr::is_ipv4)
            .with_context(|| format!("{self} has no IPv4 address"))
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let (host, port) = parts.ok_or("write HOST:PORT, such as 127.0.0.1:27960")?;
        let port = port
            .parse()
            .map_err(|_| "the port must be a number up to 65535")?;
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Queries the state of a game server.
pub(crate) async fn query(kind: Kind, server: Address) -> anyhow::Result<ServerInfo> {
    // gamedig blocks, so it runs on its own thread.
    let asked = tokio::task::spawn_blocking(move || ask(&kind.game, server.resolve()?));
    let answered = tokio::time::timeout(QUERY_TIMEOUT, asked).await;
    answered.context("the answer is incomplete")??
}

fn ask(game: &Game, server: SocketAddr) -> anyhow::Result<ServerInfo> {
    let wait = Some(ANSWER_TIMEOUT);
    let timeouts = TimeoutSettings::new(wait, wait, wait, 0).map_err(explain)?;
    let (ip, port) = (server.ip(), Some(server.port()));
    let answer = gamedig::query_with_timeout(game, &ip, port, Some(timeouts)).map_err(explain)?;
    let mut info = info::server_info(answer.as_ref());
    if info.name.is_empty() {
        info.name = server.to_string();
    }
    if let Protocol::Quake(version) = &game.protocol {
        info.player_list = quake::players(version, server, ANSWER_TIMEOUT)?;
        info.players = info.player_list.len().try_into().ok();
    }
    Ok(info.fit(MAX_BYTES))
}

/// Reduces gamedig's errors, which print a backtrace, to one line.
fn explain(error: gamedig::GDError) -> anyhow::Error {
    let Some(source) = &error.source else {
        return anyhow!("{:?}", error.kind);
    };
    let waited = source.downcast_ref().map(io::Error::kind);
    match waited {
        Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            anyhow!("no answer within {ANSWER_TIMEOUT:?}")
        }
        _ => anyhow!("{:?}: {source}", error.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_and_protocols_are_found_by_name() {
        for id in ["q3a", "minecraft", "teamfortress2", "unrealtournament2004"] {
            assert_eq!(id.parse::<Kind>().unwrap().id(), id);
        }
        for (id, protocol) in PROTOCOLS {
            assert_eq!(id.parse::<Kind>().unwrap().game.protocol, protocol);
        }
    }

    #[test]
    fn an_unknown_game_is_refused_with_the_known_ones() {
        let error = "openarena!".parse::<Kind>().unwrap_err();
        assert!(
            error.contains("minecraft, ") && error.contains("quake3, "),
            "{error}"
        );
    }

    #[test]
    fn an_address_needs_a_port() {
        assert_eq!("localhost:27960".parse::<Address>().unwrap().port(), 27960);
        for text in ["localhost", ":27960", "localhost:70000", ""] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}

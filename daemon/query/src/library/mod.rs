//! Games that are not written here, by the gamedig library.
//!
//! The library blocks, knows IPv4 only, takes datagrams from anybody, and trusts numbers in
//! answers. So it never talks to a game server itself: it runs on a thread of its own and talks to
//! a [`relay`] on loopback, which has the bounds of all other queries, and writes texts in UTF-8.

mod hazard;
mod info;
mod relay;
#[cfg(test)]
mod tests;
mod transcode;

use crate::{Answer, Protocol, Unanswered};
use gamedig::{
    ExtraRequestSettings, GAMES, GDErrorKind, Game, TimeoutSettings,
    minecraft::Server,
    protocols::{
        Protocol as Spoken,
        gamespy::GameSpyVersion,
        quake::QuakeVersion,
        types::{CommonResponse, ProprietaryProtocol},
    },
};
use std::{net::SocketAddr, thread, time::Duration};
use tokio::{sync::oneshot, time::timeout};

/// A game or protocol that the gamedig library can query, and this crate cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LibraryGame(&'static str);

/// Protocols for games without a definition of their own.
const PROTOCOLS: [(&str, Spoken); 4] = [
    ("unreal2", Spoken::Unreal2),
    ("gamespy1", Spoken::Gamespy(GameSpyVersion::One)),
    ("gamespy2", Spoken::Gamespy(GameSpyVersion::Two)),
    ("gamespy3", Spoken::Gamespy(GameSpyVersion::Three)),
];

impl LibraryGame {
    /// The names of all games and protocols of the library, also of those that this crate queries
    /// itself, in alphabetical order.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        let mut names: Vec<_> = GAMES.keys().copied().collect();
        names.extend(PROTOCOLS.map(|(name, _)| name));
        names.sort_unstable();
        names.into_iter()
    }

    /// How the library's name of a game or protocol is queried, and the port that such servers
    /// usually have.
    pub(crate) fn find(name: &str) -> Option<(Protocol, Option<u16>)> {
        let bare = PROTOCOLS.iter().find(|(it, _)| *it == name);
        if let Some((name, _)) = bare {
            return Some((Protocol::Library(Self(name)), None));
        }
        let (name, game) = GAMES.get_entry(name)?;
        let protocol = match &game.protocol {
            Spoken::Quake(QuakeVersion::One) => Protocol::Quake1,
            Spoken::Quake(QuakeVersion::Two) => Protocol::Quake2,
            Spoken::Quake(QuakeVersion::Three) => Protocol::Quake3,
            // The Ship has a few bytes of its own in its answers, which are known here too.
            Spoken::Valve(_) | Spoken::PROPRIETARY(ProprietaryProtocol::TheShip) => Protocol::Valve,
            Spoken::PROPRIETARY(ProprietaryProtocol::Minecraft(Some(Server::Bedrock))) => {
                Protocol::Bedrock
            }
            Spoken::PROPRIETARY(ProprietaryProtocol::Minecraft(_)) => Protocol::Minecraft,
            _ => Protocol::Library(Self(name)),
        };
        Some((protocol, Some(game.default_port)))
    }

    /// The library's name of it.
    pub(crate) fn name(self) -> &'static str {
        self.0
    }

    /// Queries a server, for `patience` at most.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn query(
        self,
        server: SocketAddr,
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let game = self.game().ok_or(Unanswered::Silent(patience))?;
        let (transcode, hazard) = (transcode::of(&game), hazard::of(&game));
        let asked = async move |relay: SocketAddr| {
            let (answer, answered) = oneshot::channel();
            // It hears of the relay alone, so it ends soon after it, within its own timeouts. The
            // runtime does not wait for it.
            let thread = thread::Builder::new().name("gamedig".into());
            thread.spawn(move || {
                // The caller may have stopped waiting.
                let _ = answer.send(ask(&game, relay, patience));
            })?;
            let panicked = |_| Err(Unanswered::Malformed("the library failed".into()));
            answered.await.unwrap_or_else(panicked)
        };
        let asking = async {
            match self.0 {
                // The only one that is asked over HTTP.
                "eco" => relay::stream(server, asked).await,
                _ => relay::datagrams(server, transcode, hazard, asked).await,
            }
        };
        let answer = timeout(patience, asking).await;
        answer.unwrap_or(Err(Unanswered::Silent(patience)))
    }

    fn game(self) -> Option<Game> {
        let bare = PROTOCOLS.into_iter().find(|(name, _)| *name == self.0);
        let bare = bare.map(|(name, protocol)| Game {
            name,
            default_port: 0,
            protocol,
            request_settings: ExtraRequestSettings::default(),
        });
        bare.or_else(|| GAMES.get(self.0).cloned())
    }
}

fn ask(game: &Game, relay: SocketAddr, patience: Duration) -> Result<Answer, Unanswered> {
    let failed = |error| explain(&error, patience);
    // Two tries within the time.
    let wait = Some((patience * 2 / 5).max(Duration::from_millis(1)));
    let timeouts = TimeoutSettings::new(wait, wait, wait, 1).map_err(failed)?;
    let (ip, port) = (relay.ip(), Some(relay.port()));
    let answer = gamedig::query_with_timeout(game, &ip, port, Some(timeouts)).map_err(failed)?;
    let answer: &dyn CommonResponse = answer.as_ref();
    Ok(info::answer(answer))
}

/// The library's errors print a backtrace: this is one line.
fn explain(error: &gamedig::GDError, patience: Duration) -> Unanswered {
    let source = error.source.as_ref();
    match error.kind {
        GDErrorKind::PacketReceive => Unanswered::Silent(patience),
        _ => Unanswered::Malformed(match source {
            Some(source) => format!("{:?}: {source}", error.kind),
            None => format!("{:?}", error.kind),
        }),
    }
}

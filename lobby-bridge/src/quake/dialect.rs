//! Where the protocols of the masters differ. All that they share is the [`Master`](super::Master).

use std::net::SocketAddr;

use bytes::Bytes;
use metaserve::{Game, ServerInfo};

use super::{
    games::Games,
    goldsrc::GoldSrc,
    info::{Description, Info, Told},
    message::Message,
    quake2::Quake2,
    quake3::Quake3,
    quakeworld::QuakeWorld,
    servers::Listed,
};

/// A family of games, by the protocol of its masters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Quake III and `DarkPlaces`: `docs/specifications/quake3-master.md`.
    #[default]
    Quake3,
    /// `QuakeWorld`: `docs/specifications/quakeworld-master.md`.
    QuakeWorld,
    /// Quake II, Alien Arena and Quetoo: `docs/specifications/quake2-master.md`.
    Quake2,
    /// `GoldSrc` and Xash3D: `docs/specifications/goldsrc-master.md`.
    GoldSrc,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Quake3, Self::QuakeWorld, Self::Quake2, Self::GoldSrc];

    /// Its name in records, in the log, in the name of the file of servers, and of its flag.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.speech().name()
    }

    /// What is said in it.
    pub(super) fn speech(self) -> &'static dyn Speech {
        match self {
            Self::Quake3 => &Quake3,
            Self::QuakeWorld => &QuakeWorld,
            Self::Quake2 => &Quake2,
            Self::GoldSrc => &GoldSrc,
        }
    }
}

/// What servers, clients and a master say to each other in one dialect.
pub(super) trait Speech: Sync {
    /// Its name in records, in the log, in the name of the file of servers, and of its flag.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// Its games, of which only those named in `accepted` are listed, if there are any.
    fn games(&self, accepted: &[String]) -> Games;

    /// Reads a datagram; `None` if nobody waits for an answer to it, or none is due.
    fn read<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>>;

    /// What a server is asked. `echo` is what it wants repeated.
    fn question(&self, challenge: &str, echo: Option<[u8; 4]>) -> Bytes;

    /// A server's answer.
    fn told<'a>(&self, datagram: &'a [u8]) -> Option<Told<'a>>;

    /// Whether an answer repeats this challenge. In protocols without challenges, each does.
    fn repeats(&self, _: &Told<'_>, _challenge: &str) -> bool {
        true
    }

    /// The description of a server that has answered; `None` if the answer is incomplete. `game` is
    /// the name of the game that its heartbeat stands for, if that stands for one.
    fn description(
        &self,
        told: &Told<'_>,
        game: Option<&str>,
        datagram: &[u8],
    ) -> Option<Description>;

    /// What a listed server is asked in addition, for what its answer leaves out. `challenge` is
    /// what it wants repeated.
    fn second_question(&self, _challenge: Option<[u8; 4]>) -> Option<Bytes> {
        None
    }

    /// Whether servers at this address can be in its lists.
    fn carries(&self, server: SocketAddr) -> bool {
        server.is_ipv4()
    }

    /// The datagrams of a list.
    fn list(&self, servers: Vec<SocketAddr>, is_extended: bool) -> Vec<Bytes>;

    /// The record of a server. Of one without a name, the name is empty.
    fn record(&self, listed: &Listed) -> ServerInfo;

    /// How clients find a server of the registry, apart from the number of its players; `None` if
    /// they cannot.
    fn wire(&self, game: &Game, _record: &ServerInfo, games: &Games) -> Option<Info> {
        games.wire(game)
    }
}

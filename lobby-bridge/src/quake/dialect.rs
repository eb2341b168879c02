//! What the families of games say differently to their masters, and what they all share otherwise.

use std::net::SocketAddr;

use bytes::Bytes;
use metaserve_query::quake::{self, Answer};

use super::{
    answer,
    games::Games,
    info::{Description, Told},
    message::Message,
    quake3, quakeworld,
};

/// A family of games, by the protocol of its masters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Quake III and `DarkPlaces`: `docs/specifications/quake3-master.md`.
    #[default]
    Quake3,
    /// `QuakeWorld`: `docs/specifications/quakeworld-master.md`.
    QuakeWorld,
}

impl Dialect {
    /// Its name in records, in the log and in the name of the file of servers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quake3 => quake3::NAME,
            Self::QuakeWorld => quakeworld::NAME,
        }
    }

    /// Its name for people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Quake3 => "Quake III",
            Self::QuakeWorld => "QuakeWorld",
        }
    }

    /// The games of a master that knows no others.
    pub(super) fn games(self) -> Option<Games> {
        match self {
            Self::Quake3 => None,
            Self::QuakeWorld => Some(quakeworld::games()),
        }
    }

    pub(super) fn read(self, datagram: &[u8]) -> Option<Message<'_>> {
        match self {
            Self::Quake3 => quake3::read(datagram),
            Self::QuakeWorld => quakeworld::read(datagram),
        }
    }

    /// What a server is asked.
    pub(super) fn question(self, challenge: &str) -> Bytes {
        match self {
            Self::Quake3 => quake3::getinfo(challenge).into(),
            Self::QuakeWorld => Bytes::from_static(quakeworld::QUESTION),
        }
    }

    /// A server's answer.
    pub(super) fn told(self, datagram: &[u8]) -> Option<Told<'_>> {
        let answer: Answer<'_> = match self {
            Self::Quake3 => quake::info_response(datagram),
            Self::QuakeWorld => quake::quakeworld_status(datagram),
        }
        .ok()?;
        Some(Told::new(answer))
    }

    /// Whether an answer repeats the challenge of its question.
    pub(super) const fn repeats_challenges(self) -> bool {
        matches!(self, Self::Quake3)
    }

    pub(super) fn description(
        self,
        told: &Told<'_>,
        game: Option<&str>,
        datagram: &[u8],
    ) -> Option<Description> {
        match self {
            Self::Quake3 => told.description(game),
            Self::QuakeWorld => Some(quakeworld::description(told, datagram)),
        }
    }

    /// Whether servers at IPv6 addresses can be in its lists.
    pub(super) fn carries(self, server: SocketAddr) -> bool {
        matches!(self, Self::Quake3) || server.is_ipv4()
    }

    pub(super) fn list(self, servers: Vec<SocketAddr>, is_extended: bool) -> Vec<Bytes> {
        match self {
            Self::Quake3 => answer::datagrams(servers, is_extended),
            Self::QuakeWorld => answer::bare(servers, quakeworld::LIST),
        }
    }
}

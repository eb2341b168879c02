//! Messages between a game server and the daemon (`metaserve-heartbeat/1`).
//!
//! `docs/reference/protocol.md`, "Game server".

use super::{codec::Message, extensions::Carrier};
use crate::Limits;
use bincode::{
    BorrowDecode, Encode,
    de::{BorrowDecoder, Decode},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use std::time::Duration;

/// What a game server sends. The first message is a `Hello`, all others are heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub enum FromServer<'a> {
    /// Variant 0: which game it is, and how players reach it.
    Hello(Hello<'a>),
    /// Variant 1: what players see of the server from now on. The server is listed from its first
    /// heartbeat on; a heartbeat that equals the one before changes nothing.
    Heartbeat(&'a [u8]),
}

impl Message for FromServer<'_> {
    const VARIANTS: Option<u32> = Some(2);

    fn carrier(&self) -> Carrier {
        match self {
            Self::Hello(_) => Carrier::Hello,
            Self::Heartbeat(_) => Carrier::Heartbeat,
        }
    }
}

/// The first message of a game server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Hello<'a> {
    /// The game's tag, as in [`Game`](crate::Game).
    pub game: &'a str,
    /// The port that players join by, when it is not the one that this connection comes from.
    pub port: Option<u16>,
}

/// What the daemon answers, to game servers and to relays. The first message is a `Welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub enum FromDaemon<'a> {
    /// Variant 0: what this daemon accepts.
    Welcome(Welcome),
    /// Variant 1: something that the operator of the server or relay should know.
    Notice(Notice<'a>),
}

impl Message for FromDaemon<'_> {
    const VARIANTS: Option<u32> = Some(2);

    fn carrier(&self) -> Carrier {
        match self {
            Self::Welcome(_) => Carrier::Welcome,
            Self::Notice(_) => Carrier::Notice,
        }
    }
}

/// What the daemon accepts from this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Welcome {
    /// The least time between two changes of one server, in milliseconds. Of several heartbeats
    /// within it the newest is listed.
    pub min_interval_millis: u32,
    /// The longest heartbeat, in bytes.
    pub max_heartbeat_bytes: u32,
}

impl Welcome {
    /// The least time between two changes of one server.
    #[must_use]
    pub const fn min_interval(&self) -> Duration {
        Duration::from_millis(self.min_interval_millis as u64)
    }
}

impl From<&Limits> for Welcome {
    fn from(limits: &Limits) -> Self {
        let millis = limits.min_interval.as_millis();
        Self {
            min_interval_millis: u32::try_from(millis).unwrap_or(u32::MAX),
            max_heartbeat_bytes: u32::try_from(limits.max_heartbeat_bytes).unwrap_or(u32::MAX),
        }
    }
}

/// Why the sender is not listed, or soon will not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Notice<'a> {
    /// What kind of notice it is, for programs.
    pub kind: NoticeKind,
    /// One sentence, for people.
    pub text: &'a str,
}

/// The kinds of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// 0: the server is not in the list: no heartbeat has come yet, or it waits for a row,
    /// and will be listed when one is free. The text says which.
    NotListed,
    /// 1: heartbeats come far more often than they are listed; the connection is closed if that
    /// goes on.
    TooFast,
    /// 2: what was sent is not accepted, and what was listed before stays; the text says
    /// what, and why.
    Refused,
    /// A kind that this version does not know. Its text says what the operator should know.
    Other(u32),
}

impl NoticeKind {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::NotListed => 0,
            Self::TooFast => 1,
            Self::Refused => 2,
            Self::Other(number) => number,
        }
    }

    /// The kind for a number from the wire.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::NotListed,
            1 => Self::TooFast,
            2 => Self::Refused,
            number => Self::Other(number),
        }
    }
}

impl Encode for NoticeKind {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.number().encode(encoder)
    }
}

impl<'de, C> BorrowDecode<'de, C> for NoticeKind {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        u32::decode(decoder).map(Self::from_number)
    }
}

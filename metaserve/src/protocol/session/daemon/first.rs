//! What a peer begins with.

use super::Fault;
use crate::{
    Game, Limits, Role,
    list::Cursor,
    protocol::{
        client::{Compression, Subscribe},
        close::{Close, CloseCode},
        codec,
        ended::FrameError,
        framing::Deframer,
        heartbeat::FromServer,
        session::Piece,
    },
};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// Waits for the first message of a peer.
#[derive(Debug)]
pub struct First {
    deframer: Deframer,
    max_bytes: usize,
    /// When it has waited long enough, and how long that is.
    until: Option<(Instant, Duration)>,
}

/// What a game client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// One game, or all.
    pub game: Option<Game>,
    /// How far its list goes already.
    pub known: Option<Cursor>,
    /// Which compression it can read.
    pub compression: Compression,
}

impl First {
    /// Waits for a peer of this role, which has connected now.
    #[must_use]
    pub fn new(role: Role, limits: &Limits, now: Instant) -> Self {
        let within = role.first_message_within(limits);
        Self {
            deframer: Deframer::default(),
            max_bytes: role.max_first_message(limits),
            until: within.map(|within| (now + within, within)),
        }
    }

    /// Takes in a piece of the peer's stream.
    ///
    /// # Errors
    /// When the stream ends before the message does.
    pub fn handle(&mut self, piece: Piece) -> Result<(), Fault> {
        if piece.join(&mut self.deframer).map_err(first)? {
            let reason = "the stream ended before the first message";
            return Err(Fault::first_message(Close::new(CloseCode::Goodbye, reason)));
        }
        Ok(())
    }

    /// The first message, if it is there.
    ///
    /// # Errors
    /// When it is too long, or late.
    pub fn next(&mut self, now: Instant) -> Result<Option<Bytes>, Fault> {
        let message = self.deframer.next(self.max_bytes).map_err(first)?;
        match self.until {
            Some((until, within)) if message.is_none() && until <= now => {
                Err(Fault::silent(within))
            }
            _ => Ok(message),
        }
    }

    /// When the message is late.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.until.map(|(until, _)| until)
    }

    /// The bytes after the first message, for the session that follows.
    #[must_use]
    pub fn rest(self) -> Deframer {
        self.deframer
    }
}

/// A game client after its only message: it may end its stream, and nothing else.
#[derive(Debug)]
pub struct Quiet(());

impl Quiet {
    /// Begins with what has come after the message.
    ///
    /// # Errors
    /// When that is anything.
    pub fn new(rest: &Deframer) -> Result<Self, Fault> {
        match rest.is_empty() {
            true => Ok(Self(())),
            false => Err(Self::broken()),
        }
    }

    /// Takes in a piece of the client's stream. Returns whether the stream has ended.
    ///
    /// # Errors
    /// When it is anything but the end of the stream.
    pub fn handle(&self, piece: &Piece) -> Result<bool, Fault> {
        match piece {
            Piece::Bytes(bytes) if bytes.is_empty() => Ok(false),
            Piece::Bytes(_) => Err(Self::broken()),
            Piece::Finished => Ok(true),
            Piece::Reset(code) => Err(FrameError::Reset(*code).into()),
        }
    }

    /// The fault of a client that sends anything more, on this stream or on another.
    #[must_use]
    pub fn broken() -> Fault {
        Fault::malformed("a client sends one message, and nothing after it")
    }
}

fn first(error: impl Into<FrameError>) -> Fault {
    Fault::first_message(error.into())
}

fn unclear(error: impl std::fmt::Display) -> Fault {
    Fault::first_message(Close::malformed(error))
}

fn game(tag: &str) -> Result<Game, Fault> {
    Game::new(tag).map_err(|error| {
        let close = Close::new(CloseCode::ProtocolViolation, error.to_string());
        Fault::first_message(close)
    })
}

/// A game server's hello: its game, and the port that players join by if it is not the one that
/// the connection comes from.
///
/// # Errors
/// When the message is no hello, or names a game or a port that cannot be.
pub fn hello(message: &[u8]) -> Result<(Game, Option<u16>), Fault> {
    match codec::decode(message).map_err(unclear)? {
        FromServer::Hello(hello) if hello.port == Some(0) => {
            Err(unclear("players cannot join by port 0"))
        }
        FromServer::Hello(hello) => Ok((game(hello.game)?, hello.port)),
        FromServer::Heartbeat(_) => Err(unclear("the first message must be a hello")),
    }
}

/// A game client's question.
///
/// # Errors
/// When the message is no question, or names a game that cannot be.
pub fn subscription(message: &[u8]) -> Result<Subscription, Fault> {
    let subscribe: Subscribe<'_> = codec::decode(message).map_err(unclear)?;
    Ok(Subscription {
        game: subscribe.game.map(game).transpose()?,
        known: subscribe.known,
        compression: subscribe.compression,
    })
}

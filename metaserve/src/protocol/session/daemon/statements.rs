//! A relay that the operator trusts: what it states of its servers.

use super::Fault;
use crate::{
    Game, InvalidGame, Limits, Role,
    address::{NotJoinable, joinable},
    protocol::{
        codec,
        ended::FrameError,
        framing::Deframer,
        relay::{FromRelay, Upsert},
        session::{Change, Listing, Piece},
    },
};
use bytes::Bytes;

/// The daemon's side of one relay.
#[derive(Debug)]
pub struct Statements<'a> {
    limits: &'a Limits,
    deframer: Deframer,
    finished: bool,
}

/// A statement of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A change of what it lists, at an address that players can join.
    Change(Change),
    /// A listing that is refused. A server already listed under its key stays.
    Refused {
        /// The relay's name for the server.
        key: u64,
        /// The length of the heartbeat, in bytes.
        heartbeat_bytes: usize,
        /// The reason that the relay gets.
        why: Unlistable,
    },
    /// It has left, and all its servers with it.
    Gone,
}

/// Why a server of a relay cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlistable {
    /// The game's tag is not valid.
    #[error(transparent)]
    Game(#[from] InvalidGame),
    /// Nobody can join there.
    #[error(transparent)]
    Address(#[from] NotJoinable),
    /// The heartbeat is too long.
    #[error("its heartbeat has {bytes} bytes, at most {max} are accepted")]
    Oversize {
        /// Its length.
        bytes: usize,
        /// The most that is accepted.
        max: usize,
    },
}

impl<'a> Statements<'a> {
    /// Begins with a relay that has connected.
    #[must_use]
    pub fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            deframer: Deframer::default(),
            finished: false,
        }
    }

    /// Takes in a piece of the relay's stream.
    ///
    /// # Errors
    /// When the stream ends in the middle of a message.
    pub fn handle(&mut self, piece: Piece) -> Result<(), Fault> {
        self.finished = piece.join(&mut self.deframer)?;
        Ok(())
    }

    /// The relay's next statement, if there is one.
    ///
    /// # Errors
    /// When the relay violates the protocol.
    pub fn next_statement(&mut self) -> Result<Option<Statement>, Fault> {
        let max = Role::Relay.max_message(self.limits);
        let Some(message) = self.deframer.next(max).map_err(FrameError::from)? else {
            return Ok(self.finished.then_some(Statement::Gone));
        };
        Ok(Some(
            match codec::decode(&message).map_err(Fault::malformed)? {
                FromRelay::Remove(key) => Statement::Change(Change::Unlist(key)),
                FromRelay::Upsert(upsert) => match self.listing(&upsert) {
                    Ok(listing) => Statement::Change(Change::List(listing)),
                    Err(why) => Statement::Refused {
                        key: upsert.key,
                        heartbeat_bytes: upsert.heartbeat.len(),
                        why,
                    },
                },
            },
        ))
    }

    fn listing(&self, upsert: &Upsert<'_>) -> Result<Listing, Unlistable> {
        let game = Game::new(upsert.game)?;
        let address = joinable(upsert.address)?;
        let (bytes, max) = (upsert.heartbeat.len(), self.limits.max_heartbeat_bytes);
        if bytes > max {
            return Err(Unlistable::Oversize { bytes, max });
        }
        Ok(Listing {
            key: upsert.key,
            game,
            address,
            // Copied out of the receive buffer, which would otherwise be kept with it.
            heartbeat: Bytes::copy_from_slice(upsert.heartbeat),
        })
    }
}

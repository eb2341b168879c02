//! Sessions without sockets: what each end of a connection does, as state machines that know
//! neither sockets nor clocks nor tasks.
//!
//! ```text
//!  Speaker<Heartbeats> ──▶ daemon::Publication ┐                                ┌─▶ Subscriber
//!                                              ├─▶ registry ─▶ feed ─▶ Writing ─┤
//!  Speaker<Listings> ────▶ daemon::Statements  ┘                                └─▶ ...
//! ```
//!
//! All are used alike: `handle` takes in an event, such as a [`Piece`] of the peer's stream; the
//! caller then calls `next` and carries out its effects until there are no more; `due` says when
//! to call `next` again though nothing has happened. The caller passes `now` in.
//!
//! The libraries and the daemon run on these over QUIC, and a test joins them in memory.

#[cfg(feature = "bounds")]
pub mod daemon;
mod heartbeats;
mod listings;
pub mod speaker;
pub mod subscriber;

pub use heartbeats::Heartbeats;
pub use listings::{Change, Listing, Listings};
pub use speaker::{Notice, Say, Speaker, Words};
pub use subscriber::Subscriber;

use super::{ended::FrameError, framing::Deframer};
use bytes::Bytes;

/// What a peer's stream brings next.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes, cut anywhere.
    Bytes(Bytes),
    /// Its end.
    Finished,
    /// Its end, though there may have been more; another stream may follow.
    Reset(quinn::VarInt),
}

impl Piece {
    /// Adds the piece to what came before it. Returns whether the stream has ended, which has to
    /// be between two frames.
    ///
    /// # Errors
    /// When the stream has ended in the middle of a frame, or was reset.
    pub fn join(self, deframer: &mut Deframer) -> Result<bool, FrameError> {
        match self {
            Self::Bytes(bytes) => deframer.push(&bytes),
            Self::Finished if deframer.is_empty() => return Ok(true),
            Self::Finished => return Err(FrameError::CutShort),
            Self::Reset(code) => return Err(FrameError::Reset(code)),
        }
        Ok(false)
    }
}

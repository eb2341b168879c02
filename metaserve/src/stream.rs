//! Frames on QUIC streams.

use crate::protocol::{
    close::{Close, CloseCode},
    codec::{self, DecodeError},
    framing::{Deframer, Oversize},
};
use bincode::Encode;
use bytes::Bytes;

/// Reads the frames of one incoming stream.
#[derive(Debug)]
pub struct FrameReader {
    stream: quinn::RecvStream,
    deframer: Deframer,
}

/// A stream ended otherwise than between two frames, or was not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The connection is gone; see [`quinn::ConnectionError`] for who ended it.
    #[error("the connection was lost: {0}")]
    Lost(#[from] quinn::ConnectionError),
    /// The peer has reset the stream with this number, and may open another.
    #[error("the peer has reset its stream with code {0}")]
    Reset(quinn::VarInt),
    /// The peer announced more than we accept.
    #[error(transparent)]
    Oversize(#[from] Oversize),
    /// The peer's bytes are not the message they should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The peer ended its stream in the middle of a frame.
    #[error("the stream ended in the middle of a frame")]
    CutShort,
}

impl From<FrameError> for Close {
    /// What a peer is told that sent this: *protocol violation*, or why the connection was lost.
    fn from(error: FrameError) -> Self {
        let reason = match error {
            FrameError::Lost(lost) => {
                let own = || Self::new(CloseCode::Goodbye, lost.to_string());
                return Self::from_peer(&lost).unwrap_or_else(own);
            }
            FrameError::Reset(code) if code == CloseCode::Goodbye.into() => {
                return Self::new(CloseCode::Goodbye, "the peer has reset its stream");
            }
            FrameError::Decode(error) => {
                format!("{error}: see docs/protocol.md for what this version speaks")
            }
            other => other.to_string(),
        };
        Self::new(CloseCode::ProtocolViolation, reason)
    }
}

impl FrameReader {
    /// Reads frames from `stream`.
    #[must_use]
    pub fn new(stream: quinn::RecvStream) -> Self {
        Self {
            stream,
            deframer: Deframer::default(),
        }
    }

    /// The next message of at most `max` bytes; none when the peer has finished its stream.
    ///
    /// Cancel-safe: what has been read of a frame is kept for the next call. Memory: `max` and
    /// one receive window.
    ///
    /// # Errors
    /// As [`FrameError`] says; the stream is of no use afterwards.
    pub async fn next(&mut self, max: usize) -> Result<Option<Bytes>, FrameError> {
        loop {
            if let Some(message) = self.deframer.next(max)? {
                return Ok(Some(message));
            }
            match self.stream.read_chunk(usize::MAX, true).await {
                Ok(Some(chunk)) => self.deframer.push(&chunk.bytes),
                Ok(None) if self.deframer.is_empty() => return Ok(None),
                Ok(None) => return Err(FrameError::CutShort),
                Err(quinn::ReadError::Reset(code)) => return Err(FrameError::Reset(code)),
                Err(quinn::ReadError::ConnectionLost(error)) => return Err(error.into()),
                // Closed by us, unordered, or 0-RTT: none of them is ever asked for.
                Err(_) => return Err(FrameError::CutShort),
            }
        }
    }
}

/// Writes one message as a frame.
///
/// Not cancel-safe: a frame may be written in part, so that the stream is of no use.
///
/// # Errors
/// When the connection is lost, or the peer has stopped reading the stream.
pub async fn write(
    stream: &mut quinn::SendStream,
    message: impl Encode,
) -> Result<(), quinn::WriteError> {
    stream.write_chunk(frame(message)).await
}

/// One message as a frame, ready to be written to any number of streams.
#[must_use]
pub fn frame(message: impl Encode) -> Bytes {
    crate::protocol::framing::frame(|into| codec::encode_into(message, into))
}

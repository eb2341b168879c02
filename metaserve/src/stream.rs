//! Frames on QUIC streams.

pub use crate::protocol::{codec::frame, ended::FrameError};

use crate::protocol::{framing::Deframer, session::Piece};
use bincode::Encode;
use bytes::Bytes;

/// Reads the frames of one incoming stream.
#[derive(Debug)]
pub struct FrameReader {
    stream: quinn::RecvStream,
    deframer: Deframer,
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
            let piece = read(&mut self.stream).await?;
            if piece.join(&mut self.deframer)? {
                return Ok(None);
            }
        }
    }
}

/// The peer's stream, piece by piece. It begins when the peer has something to say.
#[derive(Debug)]
pub struct Incoming<'a> {
    connection: &'a quinn::Connection,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    /// Not begun yet, or to be begun anew.
    None,
    Open(quinn::RecvStream),
    Finished,
}

impl<'a> Incoming<'a> {
    /// Will read the stream that the peer opens.
    #[must_use]
    pub const fn new(connection: &'a quinn::Connection) -> Self {
        Self {
            connection,
            stream: Stream::None,
        }
    }

    /// The next piece. After the end of the stream it waits for that of the connection, after a
    /// reset for another stream.
    ///
    /// Cancel-safe. Memory: one receive window.
    ///
    /// # Errors
    /// When the connection is lost or closed.
    pub async fn next(&mut self) -> Result<Piece, quinn::ConnectionError> {
        // Boxed: what is waited for once takes no memory for the connection's life.
        let stream = loop {
            match &mut self.stream {
                Stream::Open(stream) => break stream,
                Stream::None => {
                    let stream = Box::pin(self.connection.accept_uni()).await?;
                    self.stream = Stream::Open(stream);
                }
                Stream::Finished => return Err(Box::pin(self.connection.closed()).await),
            }
        };
        let piece = read(stream).await?;
        match piece {
            Piece::Bytes(_) => {}
            Piece::Finished => self.stream = Stream::Finished,
            Piece::Reset(_) => self.stream = Stream::None,
        }
        Ok(piece)
    }
}

async fn read(stream: &mut quinn::RecvStream) -> Result<Piece, quinn::ConnectionError> {
    match stream.read_chunk(usize::MAX, true).await {
        Ok(Some(chunk)) => Ok(Piece::Bytes(chunk.bytes)),
        Err(quinn::ReadError::Reset(code)) => Ok(Piece::Reset(code)),
        Err(quinn::ReadError::ConnectionLost(error)) => Err(error),
        // An error is: closed by us, unordered, or 0-RTT. None of them is ever asked for.
        Ok(None) | Err(_) => Ok(Piece::Finished),
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

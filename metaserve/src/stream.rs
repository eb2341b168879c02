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
    /// A reader of the frames on `stream`.
    #[must_use]
    pub fn new(stream: quinn::RecvStream) -> Self {
        Self {
            stream,
            deframer: Deframer::default(),
        }
    }

    /// Reads the next message of at most `max` bytes; `None` when the peer has finished its
    /// stream.
    ///
    /// Cancel-safe: a partly read frame is kept for the next call. Memory: `max` and one receive
    /// window.
    ///
    /// # Errors
    /// See [`FrameError`]. The stream cannot be used afterwards.
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

/// Reads the peer's stream piece by piece. The stream starts when the peer sends something.
#[derive(Debug)]
pub struct Incoming<'a> {
    connection: &'a quinn::Connection,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    /// Not started yet, or waiting for another one.
    None,
    Open(quinn::RecvStream),
    Finished,
}

impl<'a> Incoming<'a> {
    /// Reads the stream that the peer will open.
    #[must_use]
    pub const fn new(connection: &'a quinn::Connection) -> Self {
        Self {
            connection,
            stream: Stream::None,
        }
    }

    /// Reads the next piece. After the end of the stream it waits for the connection to end; after
    /// a reset it waits for another stream.
    ///
    /// Cancel-safe. Memory: one receive window.
    ///
    /// # Errors
    /// When the connection is lost or closed.
    pub async fn next(&mut self) -> Result<Piece, quinn::ConnectionError> {
        // Boxed: this future is awaited once, and takes no memory for the rest of the connection.
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
        // An error means: closed by us, unordered, or 0-RTT. None of them is ever requested.
        Ok(None) | Err(_) => Ok(Piece::Finished),
    }
}

/// Writes one message as a frame.
///
/// Not cancel-safe: a frame may be written partly, which makes the stream unusable.
///
/// # Errors
/// When the connection is lost, or the peer has stopped reading the stream.
pub async fn write(
    stream: &mut quinn::SendStream,
    message: impl Encode,
) -> Result<(), quinn::WriteError> {
    stream.write_chunk(frame(message)).await
}

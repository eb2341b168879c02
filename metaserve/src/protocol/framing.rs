//! Frames: four bytes of length, little-endian, then that many bytes of message.
//!
//! `docs/reference/protocol.md`, "Frames".

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the length in front of every message.
pub const PREFIX_BYTES: usize = 4;

/// A peer announced a frame that is longer than the reader accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {announced} bytes was announced; at most {max} are accepted")]
pub struct Oversize {
    /// The announced length of the message in bytes.
    pub announced: usize,
    /// The longest message that the reader accepts, in bytes.
    pub max: usize,
}

/// Puts frames together again from the pieces in which a stream delivers them.
///
/// Holds at most one frame and the piece in which it ended: push a piece only when
/// [`next`](Self::next) has found nothing.
///
/// ```
/// use metaserve::protocol::framing::{Deframer, frame};
///
/// let bytes = frame(|message| message.extend_from_slice(b"hello"));
/// let mut deframer = Deframer::default();
/// deframer.push(&bytes[..6]); // a stream may be cut anywhere
/// assert_eq!(deframer.next(16)?, None);
/// deframer.push(&bytes[6..]);
/// assert_eq!(deframer.next(16)?.unwrap(), "hello");
/// # Ok::<(), metaserve::protocol::framing::Oversize>(())
/// ```
#[derive(Debug, Default)]
pub struct Deframer {
    buffer: BytesMut,
}

impl Deframer {
    /// Adds a piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// Takes out the next message, once all of it is there.
    ///
    /// # Errors
    /// When the next frame announces more than `max` bytes. It is not waited for, and the stream
    /// is useless from here on.
    pub fn next(&mut self, max: usize) -> Result<Option<Bytes>, Oversize> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let announced = u32::from_le_bytes(*prefix) as usize;
        if announced > max {
            return Err(Oversize { announced, max });
        }
        if self.buffer.len() < PREFIX_BYTES + announced {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        let message = self.buffer.split_to(announced).freeze();
        if self.buffer.is_empty() {
            // A silent peer holds no memory.
            self.buffer = BytesMut::new();
        }
        Ok(Some(message))
    }

    /// Whether the stream may end here: not in the middle of a frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// A frame that is being written: room for the length, then whatever `write` appends.
///
/// # Panics
/// When the message is 4 GiB or longer, which nothing that we encode can be.
#[must_use]
pub fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut bytes = vec![0; PREFIX_BYTES];
    write(&mut bytes);
    let length = u32::try_from(bytes.len() - PREFIX_BYTES).expect("a message is below 4 GiB");
    bytes[..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(deframer: &mut Deframer, max: usize) -> Vec<Bytes> {
        std::iter::from_fn(|| deframer.next(max).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn frames_survive_any_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10),
            cut in 1..20_usize,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                stream.extend_from_slice(&frame(|into| into.extend_from_slice(message)));
            }
            let mut deframer = Deframer::default();
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                deframer.push(piece);
                seen.extend(all(&mut deframer, 50));
            }
            prop_assert_eq!(seen, messages);
            prop_assert!(deframer.is_empty());
        }

        #[test]
        fn garbage_never_panics(garbage: Vec<u8>) {
            let mut deframer = Deframer::default();
            deframer.push(&garbage);
            while let Ok(Some(_)) = deframer.next(16) {}
        }
    }

    #[test]
    fn a_stream_does_not_end_in_the_middle_of_a_frame() {
        let whole = frame(|into| into.extend_from_slice(b"whole"));
        for cut in 1..whole.len() {
            let mut deframer = Deframer::default();
            deframer.push(&whole[..cut]);
            assert_eq!(deframer.next(10), Ok(None));
            assert!(!deframer.is_empty(), "{cut}");
        }
    }

    #[test]
    fn the_limit_is_met_exactly_and_before_the_bytes_arrive() {
        for (length, fits) in [(9_u32, true), (10, true), (11, false), (u32::MAX, false)] {
            let mut deframer = Deframer::default();
            deframer.push(&length.to_le_bytes());
            assert_eq!(deframer.next(10).is_ok(), fits, "{length}");
        }
    }
}

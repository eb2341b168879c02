//! Bytes to frames (`docs/specifications/vcmi-lobby.md`, section 3.1), and nothing else.
//!
//! ```text
//! u32 little-endian length N | N bytes payload
//! ```

use bytes::{Buf, Bytes, BytesMut};

/// The bytes of the length in front of each payload.
pub const LENGTH_BYTES: usize = 4;

/// Why no more frames can be read. Every error is the peer's fault and ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The announced length is zero, which no client sends.
    #[error("a frame of length 0")]
    Empty,
    /// The announced length is above the limit. It is refused before the payload arrives.
    #[error("a frame of {announced} bytes, but the limit is {limit}")]
    TooLong {
        /// The length that the peer announced.
        announced: u32,
        /// The most that it may send.
        limit: usize,
    },
}

/// Takes the next complete payload off the front of `buffer`, or returns `None` if it is not
/// complete yet. An error is found as soon as the four bytes of the length are there.
///
/// # Errors
/// The announced length is zero or above `limit`. `buffer` is then left as it is.
pub fn take_frame(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = buffer.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let announced = u32::from_le_bytes(*length);
    let length = announced as usize;
    if announced == 0 {
        return Err(FrameError::Empty);
    }
    if length > limit {
        return Err(FrameError::TooLong { announced, limit });
    }
    if buffer.len() - LENGTH_BYTES < length {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Returns the bytes of a frame with this payload.
///
/// A payload above 4 GiB does not fit into a frame and is cut off there. Received payloads are
/// never that long.
#[must_use]
pub fn frame(payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = BytesMut::with_capacity(LENGTH_BYTES + payload.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&payload[..length as usize]);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 128 * 1024;

    fn take(bytes: &[u8]) -> Result<Option<Bytes>, FrameError> {
        take_frame(&mut BytesMut::from(bytes), LIMIT)
    }

    #[test]
    fn a_length_is_checked_before_its_payload_arrives() {
        // (length field, the result of these four bytes alone)
        let table = [
            (0_u32, Err(FrameError::Empty)),
            (1, Ok(None)),
            (131_072, Ok(None)),
            (
                131_073,
                Err(FrameError::TooLong {
                    announced: 131_073,
                    limit: LIMIT,
                }),
            ),
            (
                u32::MAX,
                Err(FrameError::TooLong {
                    announced: u32::MAX,
                    limit: LIMIT,
                }),
            ),
        ];
        for (length, known) in table {
            assert_eq!(take(&length.to_le_bytes()), known, "length {length}");
        }
    }

    #[test]
    fn the_frame_of_the_magic_is_as_specified() {
        assert_eq!(
            frame(b"Aiya!\n")[..],
            *b"\x06\0\0\0\x41\x69\x79\x61\x21\x0a"
        );
    }

    proptest! {
        #[test]
        fn frames_survive_any_segmentation(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..12),
            cuts in prop::collection::vec(1_usize..40, 1..30),
        ) {
            let wire: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload)).collect();
            let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
            let (mut rest, mut cuts) = (&wire[..], cuts.iter().cycle());
            while let (false, Some(cut)) = (rest.is_empty(), cuts.next()) {
                let (piece, after) = rest.split_at(rest.len().min(*cut));
                rest = after;
                buffer.extend_from_slice(piece);
                while let Some(payload) = take_frame(&mut buffer, LIMIT).unwrap() {
                    seen.push(payload.to_vec());
                }
            }
            prop_assert_eq!(seen, payloads);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn any_bytes_are_handled_without_panic(bytes: Vec<u8>, limit in 0_usize..200) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(payload)) = take_frame(&mut buffer, limit) {
                prop_assert!(!payload.is_empty() && payload.len() <= limit);
            }
        }
    }
}

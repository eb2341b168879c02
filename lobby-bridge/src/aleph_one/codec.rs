//! Bytes to frames (`docs/specifications/myth-metaserver.md`, section 2), and nothing else.
//!
//! ```text
//! u16 0xDEAD | u16 type | u32 length, these eight bytes included | body      (all big-endian)
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The first two bytes of every frame.
pub const SIGNATURE: u16 = 0xDEAD;

/// The bytes in front of each body.
pub const HEADER_BYTES: usize = 8;

/// The longest frame that is accepted, header included (`docs/specifications/myth-metaserver.md`,
/// section 22).
pub const FRAME_BYTES: usize = 10_240;

/// The types of frames that clients send, with their numbers
/// (`docs/specifications/myth-metaserver.md`, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 100: describes the player to the login daemon.
    Login,
    /// 101: gives the token to a room.
    RoomLogin,
    /// 102: goodbye.
    Logout,
    /// 103: name, team, colours and whether the player is away.
    PlayerData,
    /// 104: a new game, or a new description of the current one.
    CreateGame,
    /// 105: the game has ended.
    RemoveGame,
    /// 107: whether the player reads the chat.
    PlayerMode,
    /// 109: a password or an HTTPS token.
    PasswordResponse,
    /// 110: asks for the full lists.
    SyncGames,
    /// 113: the game has not started after all.
    ResetGame,
    /// 114: the game starts.
    StartGame,
    /// 115: ready for the result of the login.
    Localization,
    /// 122: asks for free hubs.
    RemoteHubRequest,
    /// 200: text to everybody.
    Chat,
    /// 201: text to one player.
    PrivateMessage,
    /// 202: a sign of life.
    KeepAlive,
    /// 111, 112, 117, 121: part of Myth's protocol, ignored in a room.
    Ignored,
}

impl Kind {
    /// Returns the kind with this number, if clients may send it.
    #[must_use]
    pub fn of(number: u16) -> Option<Self> {
        Some(match number {
            100 => Self::Login,
            101 => Self::RoomLogin,
            102 => Self::Logout,
            103 => Self::PlayerData,
            104 => Self::CreateGame,
            105 => Self::RemoveGame,
            107 => Self::PlayerMode,
            109 => Self::PasswordResponse,
            110 => Self::SyncGames,
            113 => Self::ResetGame,
            114 => Self::StartGame,
            115 => Self::Localization,
            122 => Self::RemoteHubRequest,
            200 => Self::Chat,
            201 => Self::PrivateMessage,
            202 => Self::KeepAlive,
            111 | 112 | 117 | 121 => Self::Ignored,
            _ => return None,
        })
    }
}

/// Why no more frames can be read. Every error is the peer's fault and ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The peer speaks another protocol.
    #[error("a frame with signature {0:#06x}")]
    Signature(u16),
    /// No client sends a frame of this type.
    #[error("a frame of unknown type {0}")]
    Unknown(u16),
    /// The announced length is impossible or above the limit. It is refused before the body
    /// arrives.
    #[error("a frame of {0} bytes, not 8 to {FRAME_BYTES}")]
    Length(u32),
}

/// Takes the next complete frame off the front of `buffer`, or returns `None` if it is not complete
/// yet. An error is found as soon as the eight bytes of the header are there.
///
/// # Errors
/// See [`FrameError`]. `buffer` is then left as it is.
pub fn take_frame(buffer: &mut BytesMut) -> Result<Option<(Kind, Bytes)>, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let mut header = &header[..];
    let (signature, number, announced) = (header.get_u16(), header.get_u16(), header.get_u32());
    if signature != SIGNATURE {
        return Err(FrameError::Signature(signature));
    }
    let kind = Kind::of(number).ok_or(FrameError::Unknown(number))?;
    let length = announced as usize;
    if !(HEADER_BYTES..=FRAME_BYTES).contains(&length) {
        return Err(FrameError::Length(announced));
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut frame = buffer.split_to(length);
    frame.advance(HEADER_BYTES);
    Ok(Some((kind, frame.freeze())))
}

/// Returns the bytes of a frame: its header, and then what `body` writes.
pub(super) fn frame(number: u16, body: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut bytes = BytesMut::with_capacity(128);
    bytes.put_u16(SIGNATURE);
    bytes.put_u16(number);
    bytes.put_u32(0);
    body(&mut bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes[4..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(bytes: &[u8]) -> Result<Option<(Kind, Bytes)>, FrameError> {
        take_frame(&mut BytesMut::from(bytes))
    }

    fn header(signature: u16, number: u16, length: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_u16(signature);
        bytes.put_u16(number);
        bytes.put_u32(length);
        bytes
    }

    #[test]
    fn a_frame_is_checked_by_its_header_alone() {
        // (length, the result of the header of a Login alone)
        let table = [
            (0, Err(FrameError::Length(0))),
            (7, Err(FrameError::Length(7))),
            (9, Ok(None)),
            (10_240, Ok(None)),
            (10_241, Err(FrameError::Length(10_241))),
            (u32::MAX, Err(FrameError::Length(u32::MAX))),
        ];
        for (length, known) in table {
            assert_eq!(take(&header(SIGNATURE, 100, length)), known, "{length}");
        }
        let foreign = take(b"GET / HTTP/1.0\r\n");
        assert_eq!(foreign, Err(FrameError::Signature(0x4745)));
        let unknown = take(&header(SIGNATURE, 116, 8));
        assert_eq!(unknown, Err(FrameError::Unknown(116)));
    }

    #[test]
    fn specified_frames_are_decoded() {
        let empty = Bytes::new();
        let table = [
            (202, Kind::KeepAlive, *b"\xde\xad\x00\xca\0\0\0\x08"),
            (102, Kind::Logout, *b"\xde\xad\x00\x66\0\0\0\x08"),
        ];
        for (number, kind, bytes) in table {
            assert_eq!(take(&bytes), Ok(Some((kind, empty.clone()))));
            assert_eq!(frame(number, |_| {})[..], bytes);
        }
        let localization = b"\xde\xad\x00\x73\0\0\0\x18\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\0";
        let (kind, body) = take(localization).unwrap().unwrap();
        assert_eq!((kind, body.len()), (Kind::Localization, 16));
    }

    proptest! {
        #[test]
        fn frames_survive_any_segmentation(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12),
            cuts in prop::collection::vec(1_usize..40, 1..30),
        ) {
            let wire: Vec<u8> = bodies
                .iter()
                .flat_map(|body| frame(200, |bytes| bytes.put_slice(body)))
                .collect();
            let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
            let (mut rest, mut cuts) = (&wire[..], cuts.iter().cycle());
            while let (false, Some(cut)) = (rest.is_empty(), cuts.next()) {
                let (piece, after) = rest.split_at(rest.len().min(*cut));
                rest = after;
                buffer.extend_from_slice(piece);
                while let Some((_, body)) = take_frame(&mut buffer).unwrap() {
                    seen.push(body.to_vec());
                }
            }
            prop_assert_eq!(seen, bodies);
            prop_assert!(buffer.is_empty());
        }
    }
}

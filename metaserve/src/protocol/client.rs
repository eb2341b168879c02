//! Messages between a game client and the daemon (`metaserve-client/1`).
//!
//! `docs/reference/protocol.md`, "Client".

use super::{codec, codec::DecodeError};
use crate::list::Cursor;
use bincode::{BorrowDecode, Encode};
use bytes::Bytes;
use std::net::SocketAddr;

/// The only message of a client: what it wants to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Subscribe<'a> {
    /// One game's tag, or none for the servers of all games.
    pub game: Option<&'a str>,
    /// How far the client's list goes already, from an earlier connection with the same `game`.
    pub known: Option<Cursor>,
    /// Which compression the client can read.
    pub compression: Compression,
}

/// How the daemon may compress what it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, BorrowDecode)]
pub enum Compression {
    /// Variant 0: not at all.
    #[default]
    None,
    /// Variant 1: frames may be zstd (RFC 8878).
    Zstd,
}

/// The beginning of each message to a client; sections follow, each a count and its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) enum Head {
    /// Variant 0: the whole list. Section: placed.
    Snapshot { epoch: u64, revision: u64 },
    /// Variant 1: what changed after `from`, up to `to`. Sections: removed, placed, updated.
    Delta { epoch: u64, from: u64, to: u64 },
    /// Variant 2: the rest is a zstd frame that holds one of the above, of `size` bytes.
    Zstd { size: u32 },
}

/// A server that the client does not know, or whose address has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct Placed<'a> {
    pub(crate) number: u64,
    pub(crate) game: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) second_address: Option<SocketAddr>,
    pub(crate) identity: Option<[u8; 32]>,
    pub(crate) heartbeat: &'a [u8],
}

/// A server of which only the heartbeat has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct Updated<'a> {
    pub(crate) number: u64,
    pub(crate) heartbeat: &'a [u8],
}

/// A message of the daemon to a client, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListMessage {
    /// Which run of the daemon the revisions belong to.
    pub epoch: u64,
    /// The revision that the message builds on; none in a snapshot, which builds on nothing.
    pub from: Option<u64>,
    /// The revision of the list once the message is applied.
    pub to: u64,
    /// Numbers of the servers that are gone.
    pub removed: Vec<u64>,
    /// Servers that are new, or are to be replaced as a whole; without those whose tag cannot be a
    /// [`Game`](crate::Game).
    pub placed: Vec<PlacedServer>,
    /// Numbers of known servers with their new heartbeats.
    pub updated: Vec<(u64, Bytes)>,
}

/// A server as a whole, as a client learns of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedServer {
    /// The daemon's number for it, never given to another server in the same epoch.
    pub number: u64,
    /// The game's tag.
    pub game: crate::Game,
    /// Where players join.
    pub address: SocketAddr,
    /// Where they can join as well, in the other address family.
    pub second_address: Option<SocketAddr>,
    /// The fingerprint of its certificate, if it has presented one.
    pub identity: Option<crate::Fingerprint>,
    /// What it says of itself.
    pub heartbeat: Bytes,
}

impl ListMessage {
    /// Reads the message of one frame. A compressed one is unpacked to at most `max_bytes`.
    ///
    /// Memory: what the list holds; at most a small multiple of `max_bytes`.
    ///
    /// # Errors
    /// When the bytes are not such a message, or would become longer than `max_bytes`.
    pub fn decode(bytes: &[u8], max_bytes: usize) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        match codec::decode_next(&mut rest)? {
            Head::Zstd { size } => {
                let unpacked = unpack(rest, size as usize, max_bytes)?;
                let mut rest = &unpacked[..];
                match codec::decode_next(&mut rest)? {
                    Head::Zstd { .. } => Err(DecodeError::Malformed("compressed twice")),
                    head => Self::sections(head, rest),
                }
            }
            head => Self::sections(head, rest),
        }
    }

    fn sections(head: Head, mut rest: &[u8]) -> Result<Self, DecodeError> {
        let rest = &mut rest;
        let message = match head {
            Head::Snapshot { epoch, revision } => Self {
                epoch,
                from: None,
                to: revision,
                removed: Vec::new(),
                placed: section(rest, placed)?,
                updated: Vec::new(),
            },
            Head::Delta { epoch, from, to } => Self {
                epoch,
                from: Some(from),
                to,
                removed: section(rest, Some)?,
                placed: section(rest, placed)?,
                updated: section(rest, updated)?,
            },
            Head::Zstd { .. } => return Err(DecodeError::Malformed("compressed twice")),
        };
        match rest.len() {
            0 => Ok(message),
            too_many => Err(DecodeError::TooLong(too_many)),
        }
    }
}

/// A count, then that many items, of which those that `own` makes something of are kept. What is
/// claimed is not believed: memory follows the bytes.
fn section<'a, M: BorrowDecode<'a, ()>, T>(
    rest: &mut &'a [u8],
    own: impl Fn(M) -> Option<T>,
) -> Result<Vec<T>, DecodeError> {
    let count: u64 = codec::decode_next(rest)?;
    if count > rest.len() as u64 {
        return Err(DecodeError::CutShort);
    }
    (0..count)
        .filter_map(|_| codec::decode_next(rest).map(&own).transpose())
        .collect()
}

/// None for a tag that a daemon with another rule for tags has let in: one such server does not
/// cost the others their place in the list.
fn placed(server: Placed<'_>) -> Option<PlacedServer> {
    Some(PlacedServer {
        number: server.number,
        game: crate::Game::new(server.game).ok()?,
        address: server.address,
        second_address: server.second_address,
        identity: server.identity.map(crate::Fingerprint::from),
        heartbeat: Bytes::copy_from_slice(server.heartbeat),
    })
}

fn updated(server: Updated<'_>) -> Option<(u64, Bytes)> {
    Some((server.number, Bytes::copy_from_slice(server.heartbeat)))
}

#[cfg(feature = "zstd")]
fn unpack(packed: &[u8], size: usize, max_bytes: usize) -> Result<Vec<u8>, DecodeError> {
    if size > max_bytes {
        return Err(DecodeError::OverLimit);
    }
    let unpacked = zstd::bulk::decompress(packed, size)
        .map_err(|_| DecodeError::Malformed("not a zstd frame of the announced size"))?;
    match unpacked.len() == size {
        true => Ok(unpacked),
        false => Err(DecodeError::Malformed(
            "not a zstd frame of the announced size",
        )),
    }
}

#[cfg(not(feature = "zstd"))]
fn unpack(_: &[u8], _: usize, _: usize) -> Result<Vec<u8>, DecodeError> {
    Err(DecodeError::Malformed(
        "compressed, though we read no compression",
    ))
}

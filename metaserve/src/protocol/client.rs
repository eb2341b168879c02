//! Messages between a game client and the daemon (`metaserve-client/1`).
//!
//! `docs/reference/protocol.md`, "Client".

use super::{
    codec::{self, DecodeError, Message},
    extensions::{Carrier, Extensions},
};
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

impl Message for Subscribe<'_> {
    const VARIANTS: Option<u32> = None;

    fn carrier(&self) -> Carrier {
        Carrier::Subscribe
    }
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

/// The beginning of each message to a client; sections follow, each a count and its items, and
/// then extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) enum Head {
    /// Variant 0: the whole list. Section: placed.
    Snapshot { epoch: u64, revision: u64 },
    /// Variant 1: what changed after `from`, up to `to`. Sections: removed, placed, updated.
    Delta { epoch: u64, from: u64, to: u64 },
    /// Variant 2: the rest is a zstd frame that holds one of the above, of `size` bytes.
    Zstd { size: u32 },
}

impl Head {
    const VARIANTS: u32 = 3;
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
    /// An extension list.
    pub(crate) extensions: &'a [u8],
}

/// A server of which only the heartbeat and the extensions have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(crate) struct Updated<'a> {
    pub(crate) number: u64,
    pub(crate) heartbeat: &'a [u8],
    /// An extension list, which replaces the one before.
    pub(crate) extensions: &'a [u8],
}

/// A message of the daemon to a client, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListMessage {
    /// Which run of the daemon the revisions belong to.
    pub epoch: u64,
    /// The revision that the message builds on; none in a snapshot, which builds on nothing.
    pub from: Option<u64>,
    /// The revision of the list once the message is applied.
    pub to: u64,
    /// Numbers of the servers that are gone.
    pub removed: Vec<u64>,
    /// Servers that are new, or that replace the whole former server of that number.
    pub placed: Vec<PlacedServer>,
    /// Numbers of such servers that are left out of `placed`, since their tag is not a
    /// [`Game`](crate::Game).
    pub left_out: Vec<u64>,
    /// Known servers with their new heartbeats.
    pub updated: Vec<UpdatedServer>,
    /// The extensions of the message.
    pub extensions: Extensions,
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
    /// Its extensions.
    pub extensions: Extensions,
}

/// What has changed of a server that the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedServer {
    /// The daemon's number for it.
    pub number: u64,
    /// What it says of itself now.
    pub heartbeat: Bytes,
    /// Its extensions now: they replace all that it had.
    pub extensions: Extensions,
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
        match head(&mut rest)? {
            Head::Zstd { size } => {
                let unpacked = unpack(rest, size as usize, max_bytes)?;
                let mut rest = &unpacked[..];
                Self::sections(head(&mut rest)?, rest)
            }
            head => Self::sections(head, rest),
        }
    }

    fn sections(head: Head, mut rest: &[u8]) -> Result<Self, DecodeError> {
        let (epoch, from, to, carrier) = match head {
            Head::Snapshot { epoch, revision } => (epoch, None, revision, Carrier::Snapshot),
            Head::Delta { epoch, from, to } => (epoch, Some(from), to, Carrier::Delta),
            Head::Zstd { .. } => return Err(DecodeError::Malformed("compressed twice")),
        };
        let (mut removed, mut left_out, mut updated) = Default::default();
        let rest = &mut rest;
        if from.is_some() {
            removed = codec::section(rest, |number| Ok(Some(number)))?;
        }
        let placed = codec::section(rest, |server| placed(server, &mut left_out))?;
        if from.is_some() {
            updated = codec::section(rest, |server| update(server).map(Some))?;
        }
        Ok(Self {
            epoch,
            from,
            to,
            removed,
            placed,
            left_out,
            updated,
            extensions: Extensions::read(rest, carrier)?,
        })
    }
}

fn head(rest: &mut &[u8]) -> Result<Head, DecodeError> {
    codec::known_variant(rest, Head::VARIANTS)?;
    codec::decode_next(rest)
}

/// None for a tag that a daemon with another rule for tags has let in: one such server does not
/// cost the others their place in the list.
fn placed(
    server: Placed<'_>,
    left_out: &mut Vec<u64>,
) -> Result<Option<PlacedServer>, DecodeError> {
    let extensions = Extensions::read(server.extensions, Carrier::Server)?;
    let Ok(game) = crate::Game::new(server.game) else {
        left_out.push(server.number);
        return Ok(None);
    };
    Ok(Some(PlacedServer {
        number: server.number,
        game,
        address: server.address,
        second_address: server.second_address,
        identity: server.identity.map(crate::Fingerprint::from),
        heartbeat: Bytes::copy_from_slice(server.heartbeat),
        extensions,
    }))
}

fn update(server: Updated<'_>) -> Result<UpdatedServer, DecodeError> {
    Ok(UpdatedServer {
        number: server.number,
        heartbeat: Bytes::copy_from_slice(server.heartbeat),
        extensions: Extensions::read(server.extensions, Carrier::Server)?,
    })
}

#[cfg(feature = "zstd")]
pub(super) fn unpack(packed: &[u8], size: usize, max_bytes: usize) -> Result<Vec<u8>, DecodeError> {
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
pub(super) fn unpack(_: &[u8], _: usize, _: usize) -> Result<Vec<u8>, DecodeError> {
    Err(DecodeError::Malformed(
        "compressed, though we read no compression",
    ))
}

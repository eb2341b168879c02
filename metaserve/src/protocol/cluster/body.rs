//! What a step changes: three sections, compressed once for all that are sent them.

use super::super::{
    client::{self, Placed, Updated},
    codec::{self, DecodeError},
    extensions::{self, Carrier, Extensions},
};
use crate::{
    Fingerprint, Game, Limits,
    feed::{Content, Frame},
    list::{By, Claim, Claims, Server, Stated},
};
use bincode::{BorrowDecode, Encode};
use bytes::Bytes;
use ipnet::IpNet;
use std::{net::IpAddr, time::Duration};

/// The longest body, before and after compression: 256 MiB.
pub const MAX_BODY_BYTES: usize = codec::MAX_MESSAGE_BYTES;

/// The longest body of bans, before and after compression: 4 MiB. As many as a ban file may have
/// take less.
pub const MAX_BANS_BYTES: usize = 4 * 1024 * 1024;

/// Above this many bytes a body is compressed, if that makes it shorter.
const COMPRESS_ABOVE_BYTES: usize = 200;

/// zstd's own default: these bodies are read by a few members, not by thousands of clients.
const COMPRESSION_LEVEL: i32 = 3;

/// How a body is written.
#[derive(Clone, Copy, Encode, BorrowDecode)]
enum Form {
    /// Variant 0: as it is.
    Plain,
    /// Variant 1: the rest is one zstd frame, of `size` bytes when unpacked.
    Zstd { size: u32 },
}

/// A server as its owner states it: as clients are told of it, and the claims of its addresses.
#[derive(Clone, Copy, Encode, BorrowDecode)]
struct Listed<'a> {
    placed: Placed<'a>,
    claim: u64,
    second_claim: Option<u64>,
}

/// The extensions of a server that is announced over HTTP: extension 2, without bytes. A member that
/// does not know it shows the server all the same.
const BY_HTTP: &[u8] = &[2, 0];
const BY_HTTP_TAG: u16 = 2;

/// A banned prefix.
#[derive(Clone, Copy, Encode, BorrowDecode)]
struct WireBan {
    address: IpAddr,
    length: u8,
    left_seconds: Option<u64>,
}

/// A banned prefix, and how long it stays banned; none if the ban does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Banned {
    /// The banned addresses.
    pub prefix: IpNet,
    /// How long for, in whole seconds.
    pub left: Option<Duration>,
}

/// The body of a frame of the own feed: all of its servers, or what has changed.
#[must_use]
pub fn pack(frame: &Frame) -> Bytes {
    packed(|into| match frame.content() {
        Content::Snapshot { servers, .. } => {
            codec::encode_into(0_u64, into);
            section(servers, into, listed);
            codec::encode_into(0_u64, into);
        }
        Content::Delta(delta) => {
            section(&delta.removed, into, |number| *number);
            section(&delta.placed, into, listed);
            section(&delta.updated, into, |server| Updated {
                number: server.number,
                heartbeat: &server.heartbeat,
                extensions: extensions_of(server.placement.by),
            });
        }
    })
}

/// The body of a snapshot of these servers.
#[must_use]
pub fn pack_stated(servers: &[Stated]) -> Bytes {
    packed(|into| {
        codec::encode_into(0_u64, into);
        section(servers, into, stated);
        codec::encode_into(0_u64, into);
    })
}

/// The body of these bans.
#[must_use]
pub fn pack_bans(bans: &[Banned]) -> Bytes {
    packed(|into| {
        section(bans, into, |ban| WireBan {
            address: ban.prefix.addr(),
            length: ban.prefix.prefix_len(),
            left_seconds: ban.left.map(|left| left.as_secs()),
        });
    })
}

/// Reads the body of bans.
///
/// # Errors
/// When it is none, or longer than [`MAX_BANS_BYTES`].
pub fn unpack_bans(body: &Bytes) -> Result<Vec<Banned>, DecodeError> {
    let body = unpacked(body, MAX_BANS_BYTES)?;
    let mut rest = &body[..];
    let bans = codec::section(&mut rest, |ban: WireBan| {
        let prefix = IpNet::new(ban.address, ban.length);
        Ok(Some(Banned {
            prefix: prefix.map_err(|_| DecodeError::Malformed("not a prefix"))?,
            left: ban.left_seconds.map(Duration::from_secs),
        }))
    })?;
    extensions::check(rest, Carrier::Cluster)?;
    Ok(bans)
}

fn section<'a, T, M: Encode>(items: &'a [T], into: &mut Vec<u8>, message: impl Fn(&'a T) -> M) {
    codec::encode_into(items.len() as u64, into);
    items
        .iter()
        .for_each(|item| codec::encode_into(message(item), into));
}

fn listed(server: &Server) -> Listed<'_> {
    let mut claims = server.placement.claims.iter();
    Listed {
        placed: Placed {
            number: server.number,
            game: server.placement.game.as_str(),
            address: server.placement.address,
            second_address: server.placement.second_address,
            identity: server.placement.identity.map(|it| *it.as_bytes()),
            heartbeat: &server.heartbeat,
            extensions: extensions_of(server.placement.by),
        },
        claim: claims.next().unwrap_or_default().0,
        second_claim: claims.next().map(|claim| claim.0),
    }
}

const fn extensions_of(by: By) -> &'static [u8] {
    match by {
        By::Quic => &[],
        By::Http => BY_HTTP,
    }
}

fn stated(server: &Stated) -> Listed<'_> {
    let mut claims = server.claims.iter();
    Listed {
        placed: Placed {
            number: server.number,
            game: server.game.as_str(),
            address: server.address,
            second_address: server.second_address,
            identity: server.identity.map(|it| *it.as_bytes()),
            heartbeat: &server.heartbeat,
            extensions: extensions_of(server.by),
        },
        claim: claims.next().unwrap_or_default().0,
        second_claim: claims.next().map(|claim| claim.0),
    }
}

fn packed(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut body = codec::encode(Form::Plain);
    let head = body.len();
    write(&mut body);
    let plain = &body[head..];
    if plain.len() > COMPRESS_ABOVE_BYTES
        && let Ok(size) = u32::try_from(plain.len())
        && let Ok(packed) = zstd::bulk::compress(plain, COMPRESSION_LEVEL)
    {
        let shorter = [codec::encode(Form::Zstd { size }), packed].concat();
        if shorter.len() < body.len() {
            return shorter.into();
        }
    }
    body.into()
}

fn unpacked(body: &Bytes, most: usize) -> Result<Bytes, DecodeError> {
    let mut rest = &body[..];
    match codec::decode_next(&mut rest)? {
        Form::Plain if rest.len() > most => Err(DecodeError::OverLimit),
        Form::Plain => Ok(body.slice_ref(rest)),
        Form::Zstd { size } => {
            let unpacked = client::unpack(rest, size as usize, most)?;
            Ok(unpacked.into())
        }
    }
}

/// A body that is being read, some items at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Changes {
    body: Bytes,
    section: Section,
    /// How many items of the section are to come.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Removed,
    Listed,
    Updated,
    End,
}

/// Some of the items of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Numbers of the servers that are gone.
    pub removed: Vec<u64>,
    /// Servers that are new, or that replace the whole former server of that number. Those whose
    /// tag is not a [`Game`] are left out.
    pub listed: Vec<Stated>,
    /// Numbers of known servers, with their new heartbeats.
    pub updated: Vec<(u64, Bytes)>,
}

impl Changes {
    /// Begins to read a body. It is unpacked at once, to `most` bytes at most.
    ///
    /// # Errors
    /// When it cannot be unpacked, or is longer.
    pub fn read(body: &Bytes, most: usize) -> Result<Self, DecodeError> {
        let body = unpacked(body, most)?;
        let mut rest = &body[..];
        let left = codec::count(&mut rest)?;
        Ok(Self {
            body: body.slice_ref(rest),
            section: Section::Removed,
            left,
        })
    }

    /// The next items, `most` at most. After an error there is no more to read.
    ///
    /// # Errors
    /// When the bytes are not such items.
    pub fn next(&mut self, most: usize) -> Result<Chunk, DecodeError> {
        let body = self.body.clone();
        let mut rest = &body[..];
        let mut chunk = Chunk::default();
        let mut taken = 0;
        while self.section != Section::End {
            if self.left == 0 {
                (self.section, self.left) = self.section.after(&mut rest)?;
                continue;
            }
            if taken == most {
                break;
            }
            match self.section {
                Section::Removed => chunk.removed.push(codec::decode_next(&mut rest)?),
                Section::Listed => chunk.listed.extend(own(codec::decode_next(&mut rest)?)?),
                Section::Updated => chunk.updated.push(update(codec::decode_next(&mut rest)?)?),
                Section::End => {}
            }
            self.left -= 1;
            taken += 1;
        }
        self.body = body.slice_ref(rest);
        Ok(chunk)
    }

    /// Whether all has been read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.section == Section::End
    }

    /// All items that are left.
    ///
    /// # Errors
    /// When the bytes are not such items.
    pub fn all(mut self) -> Result<Chunk, DecodeError> {
        self.next(usize::MAX)
    }
}

impl Section {
    /// The next section, and how many items it has. After the last one, only extensions follow.
    fn after(self, rest: &mut &[u8]) -> Result<(Self, u64), DecodeError> {
        match self {
            Self::Removed => Ok((Self::Listed, codec::count(rest)?)),
            Self::Listed => Ok((Self::Updated, codec::count(rest)?)),
            Self::Updated | Self::End => {
                extensions::check(rest, Carrier::Cluster)?;
                Ok((Self::End, 0))
            }
        }
    }
}

/// None for a tag that a member with another rule for tags has let in.
fn own(server: Listed<'_>) -> Result<Option<Stated>, DecodeError> {
    let Listed {
        placed,
        claim,
        second_claim,
    } = server;
    let extensions = Extensions::read(placed.extensions, Carrier::Server)?;
    let by = match extensions.get(BY_HTTP_TAG) {
        None => By::Quic,
        Some(_) => By::Http,
    };
    let heartbeat = heartbeat(placed.heartbeat)?;
    let claims = Claims::new(Claim(claim), second_claim.map(Claim));
    if claims.iter().count() != 1 + usize::from(placed.second_address.is_some()) {
        return Err(DecodeError::Malformed("not a claim for each address"));
    }
    let Ok(game) = Game::new(placed.game) else {
        return Ok(None);
    };
    Ok(Some(Stated {
        number: placed.number,
        game,
        address: placed.address,
        second_address: placed.second_address,
        identity: placed.identity.map(Fingerprint::from),
        by,
        claims,
        heartbeat,
    }))
}

fn update(server: Updated<'_>) -> Result<(u64, Bytes), DecodeError> {
    extensions::check(server.extensions, Carrier::Server)?;
    Ok((server.number, heartbeat(server.heartbeat)?))
}

/// No daemon can be told to accept a longer one.
fn heartbeat(bytes: &[u8]) -> Result<Bytes, DecodeError> {
    match bytes.len() <= Limits::MAX_HEARTBEAT_BYTES {
        true => Ok(Bytes::copy_from_slice(bytes)),
        false => Err(DecodeError::OverLimit),
    }
}

//! What is sent to clients: encoded once, shared by all.

use super::history::Delta;
use crate::{
    list::{Revision, Server},
    protocol::{
        client::{Compression, Head, Placed, Updated},
        codec::{self, encode_into},
        framing,
    },
};
use bytes::Bytes;
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// One message to clients, from one revision of the list to another, encoded when the first
/// client needs it and never again.
#[derive(Debug)]
pub struct Frame {
    epoch: u64,
    kind: Kind,
    content: Content,
    plain: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
    #[cfg(feature = "server-info")]
    event: OnceLock<Bytes>,
}

#[derive(Debug)]
pub(super) enum Content {
    Snapshot {
        servers: Vec<Server>,
        revision: Revision,
    },
    Delta(Delta),
}

/// Below this many bytes compression saves less than the packet's headers.
const COMPRESS_FROM_BYTES: usize = 256;

/// zstd's level for a frame of so many bytes. On server records level 9 takes an eighth off what
/// level 3 leaves, so often a packet for each client, and six times as long: 2 ms for the longest.
/// What is longer is compressed with zstd's own default.
fn compression_level(bytes: usize) -> i32 {
    const HARD: i32 = 9;
    const DEFAULT: i32 = 3;
    const HARD_UP_TO_BYTES: usize = 256 * 1024;
    if bytes <= HARD_UP_TO_BYTES {
        HARD
    } else {
        DEFAULT
    }
}

/// What a frame is to those who are given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole list.
    Snapshot,
    /// What one tick has changed, for those who follow closely.
    Delta,
    /// All that somebody has missed who was late or away.
    CatchUp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Snapshot, Self::Delta, Self::CatchUp];

    /// The kind's name in metrics, such as `catch_up`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
            Self::CatchUp => "catch_up",
        }
    }
}

/// How a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As game clients read it.
    Wire,
    /// As a server-sent event.
    Event,
}

/// How often frames were encoded since the process began, by form and kind: each at most once per
/// tick, game, and state from which clients follow.
static ENCODED: [[AtomicU64; Kind::ALL.len()]; 2] = [const { [const { AtomicU64::new(0) }; 3] }; 2];

fn encoded(form: Form, kind: Kind) -> &'static AtomicU64 {
    &ENCODED[form as usize][kind as usize]
}

/// How many frames this process has encoded.
#[must_use]
pub fn frames_encoded(form: Form, kind: Kind) -> u64 {
    encoded(form, kind).load(Ordering::Relaxed)
}

impl Frame {
    pub(super) fn snapshot(epoch: u64, revision: Revision, servers: Vec<Server>) -> Self {
        Self::new(
            epoch,
            Kind::Snapshot,
            Content::Snapshot { servers, revision },
        )
    }

    pub(super) fn delta(epoch: u64, kind: Kind, delta: Delta) -> Self {
        Self::new(epoch, kind, Content::Delta(delta))
    }

    fn new(epoch: u64, kind: Kind, content: Content) -> Self {
        Self {
            epoch,
            kind,
            content,
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
            #[cfg(feature = "server-info")]
            event: OnceLock::new(),
        }
    }

    /// What it is to those who are given it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The revision it builds on; none for a snapshot, which builds on nothing.
    #[must_use]
    pub fn from(&self) -> Option<Revision> {
        match &self.content {
            Content::Snapshot { .. } => None,
            Content::Delta(delta) => Some(delta.from),
        }
    }

    /// The revision of the list of a client that has read it.
    #[must_use]
    pub fn to(&self) -> Revision {
        match &self.content {
            Content::Snapshot { revision, .. } => *revision,
            Content::Delta(delta) => delta.to,
        }
    }

    /// The frame's bytes, length included, ready to be written to any number of streams.
    #[must_use]
    pub fn bytes(&self, compression: Compression) -> Bytes {
        let plain = self.plain.get_or_init(|| self.encode());
        match compression {
            Compression::None => plain.clone(),
            Compression::Zstd => self.compressed.get_or_init(|| compress(plain)).clone(),
        }
    }

    /// The frame as a server-sent event, see [`json`](super::json): its text is made when the
    /// first listener needs it, and shared by all.
    #[cfg(feature = "server-info")]
    #[must_use]
    pub fn event(&self) -> Bytes {
        let make = || {
            encoded(Form::Event, self.kind).fetch_add(1, Ordering::Relaxed);
            super::json::event(self).into()
        };
        self.event.get_or_init(make).clone()
    }

    #[cfg(feature = "server-info")]
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// Which run of the registry its revisions belong to.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn encode(&self) -> Bytes {
        encoded(Form::Wire, self.kind).fetch_add(1, Ordering::Relaxed);
        framing::frame(|into| match &self.content {
            Content::Snapshot { servers, revision } => {
                encode_into(
                    Head::Snapshot {
                        epoch: self.epoch,
                        revision: revision.0,
                    },
                    into,
                );
                section(servers, into, placed);
            }
            Content::Delta(delta) => {
                let (from, to) = (delta.from.0, delta.to.0);
                encode_into(
                    Head::Delta {
                        epoch: self.epoch,
                        from,
                        to,
                    },
                    into,
                );
                section(&delta.removed, into, |number| *number);
                section(&delta.placed, into, placed);
                section(&delta.updated, into, updated);
            }
        })
    }
}

fn section<'a, T, M: bincode::Encode>(
    items: &'a [T],
    into: &mut Vec<u8>,
    message: impl Fn(&'a T) -> M,
) {
    encode_into(items.len() as u64, into);
    items
        .iter()
        .for_each(|item| encode_into(message(item), into));
}

fn placed(server: &Server) -> Placed<'_> {
    Placed {
        number: server.number,
        game: server.placement.game.as_str(),
        address: server.placement.address,
        second_address: server.placement.second_address,
        identity: server
            .placement
            .identity
            .map(|identity| *identity.as_bytes()),
        heartbeat: &server.heartbeat,
    }
}

fn updated(server: &Server) -> Updated<'_> {
    Updated {
        number: server.number,
        heartbeat: &server.heartbeat,
    }
}

/// The compressed form of a frame, or the frame itself where that is no longer.
fn compress(plain: &Bytes) -> Bytes {
    let message = &plain[framing::PREFIX_BYTES..];
    let (COMPRESS_FROM_BYTES.., Ok(size)) = (message.len(), u32::try_from(message.len())) else {
        return plain.clone();
    };
    let Ok(packed) = zstd::bulk::compress(message, compression_level(message.len())) else {
        return plain.clone();
    };
    let framed = framing::frame(|into| {
        into.extend_from_slice(&codec::encode(Head::Zstd { size }));
        into.extend_from_slice(&packed);
    });
    if framed.len() < plain.len() {
        framed
    } else {
        plain.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_to_many_is_compressed_hard_unless_it_is_long() {
        let table = [(1, 9), (262_144, 9), (262_145, 3), (10_000_000, 3)];
        for (bytes, level) in table {
            assert_eq!(compression_level(bytes), level, "{bytes}");
        }
    }

    #[test]
    fn kinds_are_named_as_metrics_are() {
        let names = Kind::ALL.map(Kind::name);
        assert_eq!(names, ["snapshot", "delta", "catch_up"]);
    }

    #[test]
    fn what_compression_does_not_shorten_is_sent_as_it_is() {
        let framed = |message: Vec<u8>| framing::frame(|into| into.extend_from_slice(&message));
        let dull = framed(vec![b'x'; 10_000]);
        assert!(compress(&dull).len() < 100);
        // Noise, by a generator of Knuth's.
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let noise = framed((0..10_000).map(|_| next()).collect());
        assert_eq!(compress(&noise), noise);
        let short = framed(vec![b'x'; COMPRESS_FROM_BYTES - 1]);
        assert_eq!(compress(&short), short);
        let long_enough = framed(vec![b'x'; COMPRESS_FROM_BYTES]);
        assert!(compress(&long_enough).len() < long_enough.len());
    }

    #[test]
    fn a_frame_is_counted_when_it_is_encoded() {
        let frame = Frame::snapshot(1, Revision(1), Vec::new());
        let count = || frames_encoded(Form::Wire, Kind::Snapshot);
        // Other tests encode at the same time.
        let before = count();
        assert_eq!(
            frame.bytes(Compression::None),
            frame.bytes(Compression::None)
        );
        assert!(count() > before);
    }
}

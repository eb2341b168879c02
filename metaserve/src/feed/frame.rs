//! What is sent to clients: encoded once, shared by all.

use super::{
    content::Content,
    history::Delta,
    kind::{Form, Kind},
    run::Run,
};
use crate::{
    list::{Revision, Server},
    protocol::{
        client::{Compression, Head, Placed, Updated},
        codec::{self, encode_into},
        framing,
    },
};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// One message to clients, from one revision of the list to another, encoded when the first
/// client needs it and never again.
#[derive(Debug)]
pub struct Frame {
    run: Arc<Run>,
    epoch: u64,
    kind: Kind,
    content: Content,
    plain: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
    #[cfg(feature = "server-info")]
    event: OnceLock<Bytes>,
}

/// Below this many bytes compression saves less than the packet's headers.
const COMPRESS_FROM_BYTES: usize = 256;

/// zstd's level for a frame of so many bytes. On server records level 9 takes an eighth off what
/// level 3 leaves, so often a packet for each client, and six times as long: 2 ms for the longest.
/// Longer frames are compressed with zstd's own default.
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

impl Frame {
    pub(super) fn snapshot(
        run: Arc<Run>,
        epoch: u64,
        revision: Revision,
        servers: Vec<Server>,
    ) -> Self {
        let content = Content::Snapshot { servers, revision };
        Self::new(run, epoch, Kind::Snapshot, content)
    }

    pub(super) fn delta(run: Arc<Run>, epoch: u64, kind: Kind, delta: Delta) -> Self {
        Self::new(run, epoch, kind, Content::Delta(delta))
    }

    fn new(run: Arc<Run>, epoch: u64, kind: Kind, content: Content) -> Self {
        Self {
            run,
            epoch,
            kind,
            content,
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
            #[cfg(feature = "server-info")]
            event: OnceLock::new(),
        }
    }

    /// What it is to the clients that get it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The revision it builds on; none for a snapshot, which builds on nothing.
    #[must_use]
    pub fn from(&self) -> Option<Revision> {
        self.content.from()
    }

    /// The revision of the list of a client that has read it.
    #[must_use]
    pub fn to(&self) -> Revision {
        self.content.to()
    }

    /// What it says, for those who write it in a form of their own.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
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
            self.run.encoded.count(Form::Event, self.kind);
            super::json::event(self.epoch, &self.content).into()
        };
        self.event.get_or_init(make).clone()
    }

    /// Which list its revisions belong to, as of its feed.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn encode(&self) -> Bytes {
        self.run.encoded.count(Form::Wire, self.kind);
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
        // No extension is defined yet.
        extensions: &[],
    }
}

fn updated(server: &Server) -> Updated<'_> {
    Updated {
        number: server.number,
        heartbeat: &server.heartbeat,
        // No extension is defined yet.
        extensions: &[],
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
    fn frames_are_compressed_hard_unless_they_are_long() {
        let table = [(1, 9), (262_144, 9), (262_145, 3), (10_000_000, 3)];
        for (bytes, level) in table {
            assert_eq!(compression_level(bytes), level, "{bytes}");
        }
    }

    #[test]
    fn a_frame_that_compression_does_not_shorten_is_sent_as_it_is() {
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
    fn a_frame_is_counted_when_it_is_encoded_by_its_run_alone() {
        let runs = [1, 2].map(|epoch| Arc::new(Run::new(epoch)));
        let frame = Frame::snapshot(runs[0].clone(), 7, Revision(1), Vec::new());
        let counts = || {
            runs.each_ref()
                .map(|run| run.encoded.get(Form::Wire, Kind::Snapshot))
        };
        assert_eq!(counts(), [0, 0]);
        assert_eq!(
            frame.bytes(Compression::None),
            frame.bytes(Compression::None)
        );
        assert_eq!(counts(), [1, 0]);
    }
}

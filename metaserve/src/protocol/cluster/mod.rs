//! Messages between the members of a cluster, over NATS.
//!
//! A payload of NATS is the version (one byte), then one message: of [`FromMember`] where a
//! member or edge speaks to all, [`Ask`] where it asks one, [`Answer`] in what that one answers.
//! What has changed of a list is a [body](Changes), which may be longer than a payload: it is cut
//! into [`Piece`]s.
//!
//! `docs/reference/cluster-protocol.md`.

mod body;
mod pieces;
#[cfg(test)]
mod tests;
mod wire;

pub use body::{
    Banned, Changes, Chunk, MAX_BANS_BYTES, MAX_BODY_BYTES, pack, pack_bans, pack_stated,
    unpack_bans,
};
pub use pieces::{Assembled, Assembly, Pieces};

use super::codec::DecodeError;
use bincode::{BorrowDecode, Encode};
use bytes::Bytes;
use std::time::Duration;

/// The version of these messages, which every payload begins with. Members of different versions
/// do not understand each other.
pub const VERSION: u8 = 1;

/// The longest payload: 256 KiB. One that arrives and is longer is refused.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The longest name of a member, in bytes.
pub const MAX_NAME_BYTES: usize = 32;

/// Whether this can be the name of a member: 1 to 32 letters, digits and hyphens of ASCII.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

/// What a member or edge says to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromMember {
    /// Variant 0: it is there.
    Beat(Beat),
    /// Variant 1: a piece of a change of its own feed; the body is read by [`Changes`].
    Delta(Part),
    /// Variant 2: a piece of its bans, which replace those before; the body is read by
    /// [`unpack_bans`].
    Bans(Part),
    /// Variant 3: it has just subscribed. Answered by a beat within 200 ms.
    Hello(Hello),
}

/// A sign of life, each second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Which start of the daemon speaks.
    pub run: u64,
    /// The member's tag, which makes its claims and revisions unique.
    pub tag: u16,
    /// The time of its clock.
    pub clock: u64,
    /// Whether it comes, stays or goes.
    pub stage: Stage,
    /// The revision of its own feed up to which it has said everything.
    pub at: u64,
    /// With that it has said all that its clients were told of its own servers up to this time.
    pub upto: u64,
    /// The revision of its bans; 0 if it never had any.
    pub bans: u64,
    /// The epoch of the cluster's list, as it knows it; 0 before that.
    pub epoch: u64,
    /// It has applied all that others have said up to this time: the least of their `upto`.
    pub stable: u64,
    /// A hash of all that its list depends on besides: the members and runs whose servers it
    /// lists, itself among them, and the bans. 0 if its list is not complete.
    pub view: u64,
    /// The time since when its list depends on that, and all that has changed was said to it.
    pub since: u64,
    /// How many servers it states.
    pub servers: u32,
    /// How many clients it serves.
    pub clients: u32,
    /// The runs that are silent or have ended, whose servers it still lists.
    pub holds: Vec<Hold>,
}

/// How far a member is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, BorrowDecode)]
pub enum Stage {
    /// Variant 0: it still collects what others state.
    #[default]
    Joining,
    /// Variant 1: its list is complete.
    Joined,
    /// Variant 2: it stops. Nothing follows, and its servers are held.
    Leaving,
}

/// A run whose servers are held, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The name of the member.
    pub member: String,
    /// Its run.
    pub run: u64,
    /// How long its servers stay; whole milliseconds, at most [`u32::MAX`] of them.
    pub left: Duration,
}

/// A member or edge has just subscribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its name.
    pub member: String,
    /// Its run.
    pub run: u64,
    /// Its tag.
    pub tag: u16,
}

/// A piece of one step from a revision to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The run whose list or bans this is.
    pub run: u64,
    /// The time of the sender's clock.
    pub clock: u64,
    /// The revision that the step builds on; none if it builds on nothing: a snapshot.
    pub from: Option<u64>,
    /// The revision it leads to.
    pub to: u64,
    /// The piece of the step's body.
    pub piece: Piece,
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which piece it is: 0 for the first.
    pub number: u32,
    /// Whether another one follows.
    pub more: bool,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What one member asks another; the answer goes to the reply subject of NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Variant 0: the list of a run, which is that of the member asked, or one that it holds.
    List {
        /// Whose list.
        member: String,
        /// Which run of it.
        run: u64,
        /// The revision that the asking member has already.
        known: Option<u64>,
    },
    /// Variant 1: the bans of the member asked.
    Bans {
        /// Which run of it.
        run: u64,
    },
}

/// What a member answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Variant 0: a piece of the list, or of what has changed since the known revision.
    List(Part),
    /// Variant 1: it does not know that run.
    NotKnown,
    /// Variant 2: a piece of its bans.
    Bans(Part),
}

/// A payload is not a message of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is of another version.
    #[error("version {0} of the cluster's protocol; this is version {VERSION}")]
    Version(u8),
    /// It is longer than a payload may be.
    #[error("{0} bytes; a payload has at most {MAX_PAYLOAD_BYTES}")]
    Oversize(usize),
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
}

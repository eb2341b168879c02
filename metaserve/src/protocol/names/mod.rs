//! Messages between a peer of names and the daemon (`metaserve-names/1`).
//!
//! Each message is decoded as it is on the wire, with borrowed text and bytes, and then
//! [checked](FromPeer::own) against the rules for keys and values.

mod own;
#[cfg(test)]
mod tests;

pub use own::{NotAllowed, ReadError, read};

use super::{codec::Message, extensions::Carrier};
use crate::names::Proof;
use bincode::{BorrowDecode, Encode};
use std::net::SocketAddr;

/// The longest message in each direction, in bytes, with its extensions: 16 KiB.
pub const MAX_MESSAGE_BYTES: usize = super::roles::MAX_FIRST_BYTES;

/// The longest ticket, in bytes.
pub const MAX_TICKET_BYTES: usize = 4 * 1024;

/// What a peer sends. It chooses the `id` of each request, and may use it again when the request has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub enum FromPeer<'a> {
    /// Variant 0: claims a key.
    Claim(Claim<'a>),
    /// Variant 1: changes the value of a claim.
    Update {
        /// The claim's.
        id: u64,
        /// The new value.
        value: &'a [u8],
    },
    /// Variant 2: releases a claim, withdraws an offer, or waits no longer.
    Release {
        /// The request's.
        id: u64,
    },
    /// Variant 3: asks who holds a key.
    Resolve {
        /// Of this request.
        id: u64,
        /// The key.
        key: &'a str,
        /// How to start it, if nobody holds it.
        start: Option<Start<'a>>,
    },
    /// Variant 4: follows all keys with a prefix.
    Watch {
        /// Of this request.
        id: u64,
        /// The prefix; empty for all keys.
        prefix: &'a str,
    },
    /// Variant 5: follows them no longer.
    Unwatch {
        /// The watch's.
        id: u64,
    },
    /// Variant 6: can start keys with a prefix.
    Offer {
        /// Of this request.
        id: u64,
        /// The prefix; empty for all keys.
        prefix: &'a str,
        /// How many keys at a time.
        slots: u32,
        /// A ticket that covers `claim:PREFIX*`.
        ticket: Option<&'a [u8]>,
    },
    /// Variant 7: does not carry out an order.
    Refused {
        /// The order's.
        order: u64,
        /// One sentence; at most 512 bytes of it are read.
        why: &'a str,
    },
    /// Variant 8: wants no further orders.
    Drain {
        /// The offer's.
        id: u64,
    },
}

/// A claim to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Claim<'a> {
    /// Of this request.
    pub id: u64,
    /// The key.
    pub key: &'a str,
    /// What everybody may see.
    pub value: &'a [u8],
    /// A ticket that covers `claim:KEY`.
    pub ticket: Option<&'a [u8]>,
    /// An earlier grant of the same key.
    pub held: Option<Held>,
}

/// An earlier grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Held {
    /// Its epoch.
    pub epoch: u64,
    /// What came with it.
    pub proof: Proof,
}

/// How to start a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Start<'a> {
    /// For the host.
    pub payload: &'a [u8],
    /// How long the peer waits.
    pub within_millis: u32,
    /// A ticket that covers `start:KEY`.
    pub ticket: Option<&'a [u8]>,
}

/// What the daemon sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
#[expect(missing_docs, reason = "`names::Answer` explains the fields")]
pub enum FromDaemon<'a> {
    /// Variant 0: the peer holds the key.
    Granted { id: u64, epoch: u64, proof: Proof },
    /// Variant 1: another one holds it. The request has ended.
    Held {
        id: u64,
        epoch: u64,
        value: &'a [u8],
    },
    /// Variant 2: the peer no longer holds its key.
    Lost { id: u64 },
    /// Variant 3: who holds the key.
    Found {
        id: u64,
        epoch: u64,
        value: &'a [u8],
        address: SocketAddr,
    },
    /// Variant 4: nobody holds the key.
    Absent { id: u64 },
    /// Variant 5: nobody could start the key.
    Unavailable { id: u64, why: &'a str },
    /// Variant 6: a key that is watched is held, with this value.
    Up {
        id: u64,
        key: &'a str,
        epoch: u64,
        value: &'a [u8],
    },
    /// Variant 7: everything so far was the state of all keys.
    Current { id: u64 },
    /// Variant 8: nobody holds the key any longer.
    Down { id: u64, key: &'a str },
    /// Variant 9: the watch begins anew.
    Reset { id: u64 },
    /// Variant 10: claim this key, or refuse.
    Order {
        id: u64,
        order: u64,
        key: &'a str,
        payload: &'a [u8],
        within_millis: u32,
    },
    /// Variant 11: the request is refused.
    Refused {
        id: u64,
        refusal: u32,
        again_millis: Option<u32>,
        why: &'a str,
    },
}

impl Message for FromPeer<'_> {
    const VARIANTS: Option<u32> = Some(9);

    fn carrier(&self) -> Carrier {
        Carrier::Names
    }
}

impl Message for FromDaemon<'_> {
    const VARIANTS: Option<u32> = Some(12);

    fn carrier(&self) -> Carrier {
        Carrier::Names
    }
}

//! What [`Names`](super::Names) is told, and what it answers.

use super::{
    epochs::Block,
    key::{Key, Prefix},
    proof::Proof,
};
use crate::{Close, Limit};
use bytes::Bytes;
use std::{net::SocketAddr, time::Duration};

/// A connection. The caller never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// Something has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A peer has connected.
    Joined(PeerId, SocketAddr),
    /// A peer has another address now. Ignored when the peer is gone.
    Moved(PeerId, SocketAddr),
    /// A peer has sent a message. If that needs a [right](Said::right), its ticket covers it, or
    /// everybody has it.
    Said(PeerId, Said),
    /// A peer has sent a message whose ticket does not cover its right; why, in a sentence for the
    /// peer.
    Unpermitted(PeerId, Said, String),
    /// The connection of a peer has ended: its claims, offers and watches end with it.
    Gone(PeerId),
    /// These epochs are reserved, and the file that says so is on the disk.
    Reserved(Block),
    /// No epochs could be reserved.
    NotReserved,
    /// The daemon stood still, such as a suspended process does, for so long that connections may
    /// have ended for no other reason. Say it before anything else that comes after: the keys that
    /// are held then are kept for their holders for [`SETTLE`](super::SETTLE).
    StoodStill,
    /// Time has passed: see [`Names::next_timeout`](super::Names::next_timeout).
    Tick,
}

/// Whether a peer has the right to what it asks, or why not.
pub(super) type Permit = Result<(), String>;

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// There are answers for the peer, which [`Names::take`](super::Names::take) returns until
    /// there are none.
    Ready(PeerId),
    /// Close the connection of this peer. It is forgotten already.
    Close(PeerId, Close),
    /// Reserve a block that begins with `from` or higher, then say [`Event::Reserved`] or
    /// [`Event::NotReserved`].
    Reserve {
        /// The least epoch that it may begin with.
        from: u64,
    },
    /// Nothing, but count it: a request was refused, or a peer closed, because of this limit.
    Reached(Limit),
    /// Nothing, but count it: an order has ended.
    Ended(OrderEnd),
}

/// How an order has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEnd {
    /// Somebody has claimed the key.
    Claimed,
    /// The host has refused, or its claim was refused, or it has withdrawn its offer.
    Refused,
    /// The host has not answered in time.
    Expired,
    /// The host has left.
    Left,
}

impl OrderEnd {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Claimed, Self::Refused, Self::Expired, Self::Left];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Left => "left",
        }
    }
}

/// A message of a peer. It chooses the `id` of each request, and may use it again when the request
/// has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "`protocol::names::FromPeer` explains the fields"
)]
pub enum Said {
    /// Claims a key, with a value for everybody to see.
    Claim {
        id: u64,
        key: Key,
        value: Bytes,
        ticket: Option<Bytes>,
        held: Option<Held>,
    },
    /// Changes the value of a claim.
    Update { id: u64, value: Bytes },
    /// Ends a request of any kind: releases a claim, withdraws an offer, ends a watch, waits no
    /// longer. Ignored when the request has ended.
    Release { id: u64 },
    /// Asks who holds a key and, with `start`, has it started if nobody does.
    Resolve {
        id: u64,
        key: Key,
        start: Option<Start>,
    },
    /// Follows all keys with a prefix.
    Watch { id: u64, prefix: Prefix },
    /// Says that it can start keys with a prefix, so many at a time.
    Offer {
        id: u64,
        prefix: Prefix,
        slots: u32,
        ticket: Option<Bytes>,
    },
    /// Does not carry out an order. The reason is shown to those who wait.
    Refuse { order: u64, why: String },
    /// Wants no further orders of an offer.
    Drain { id: u64 },
}

impl Said {
    /// The right that this needs, and the ticket for it: `claim:KEY`, `start:KEY`, or for an offer
    /// `claim:PREFIX*`. None if it needs none.
    #[must_use]
    pub fn right(&self) -> Option<(String, Option<&[u8]>)> {
        let (right, ticket) = match self {
            Self::Claim { key, ticket, .. } => (format!("claim:{key}"), ticket),
            Self::Offer { prefix, ticket, .. } => (format!("claim:{prefix}*"), ticket),
            Self::Resolve { key, start, .. } => (format!("start:{key}"), &start.as_ref()?.ticket),
            Self::Update { .. }
            | Self::Release { .. }
            | Self::Watch { .. }
            | Self::Refuse { .. }
            | Self::Drain { .. } => return None,
        };
        Some((right, ticket.as_deref()))
    }
}

/// How a key is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// For the host. Of several who ask at the same time, the first one's is sent.
    pub payload: Bytes,
    /// How long the peer waits; at most [`MAX_WITHIN`](super::MAX_WITHIN).
    pub within: Duration,
    /// For the right `start:KEY`.
    pub ticket: Option<Bytes>,
}

/// An earlier grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its epoch.
    pub epoch: u64,
    /// What came with it.
    pub proof: Proof,
}

/// What a peer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "they are those of the request, its key and its claim"
)]
pub enum Answer {
    /// The peer holds the key.
    Granted { id: u64, epoch: u64, proof: Proof },
    /// Another one holds it. The request has ended.
    Held { id: u64, epoch: u64, value: Bytes },
    /// The peer no longer holds its key.
    Lost { id: u64 },
    /// Who holds the key.
    Found {
        id: u64,
        epoch: u64,
        value: Bytes,
        address: SocketAddr,
    },
    /// Nobody holds the key.
    Absent { id: u64 },
    /// Nobody could start the key.
    Unavailable { id: u64, why: String },
    /// The request is refused.
    Refused {
        id: u64,
        refusal: Refusal,
        /// When the same request may succeed, if that is known.
        again: Option<Duration>,
        why: String,
    },
    /// A key that is watched is held, with this value.
    Up {
        id: u64,
        key: Key,
        epoch: u64,
        value: Bytes,
    },
    /// Nobody holds the key any longer. It may be one that the peer was never told of.
    Down { id: u64, key: Key },
    /// Everything so far was the state of all keys; what follows are changes. Not said before the
    /// settle time is over.
    Current { id: u64 },
    /// What was said of this watch is out of date: all keys follow again, then `Current`.
    Reset { id: u64 },
    /// Claim this key within this time, or refuse.
    Order {
        /// The offer's.
        id: u64,
        order: u64,
        key: Key,
        payload: Bytes,
        within: Duration,
    },
}

impl Answer {
    /// The value or payload in it.
    pub(super) fn content(&self) -> &[u8] {
        match self {
            Self::Held { value, .. } | Self::Found { value, .. } | Self::Up { value, .. } => value,
            Self::Order { payload, .. } => payload,
            Self::Granted { .. }
            | Self::Lost { .. }
            | Self::Absent { .. }
            | Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Down { .. }
            | Self::Current { .. }
            | Self::Reset { .. } => &[],
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// 0: the daemon has just started, and waits for former holders.
    Settling,
    /// 1: no ticket that covers it.
    Ticket,
    /// 2: the daemon, or this peer, has as many as it may have.
    Full,
    /// 3: the daemon cannot reserve epochs.
    NoEpochs,
    /// A number that this version does not know.
    Unknown(u32),
}

impl Refusal {
    /// All that this version knows, in the order of their numbers.
    pub const KNOWN: [Self; 4] = [Self::Settling, Self::Ticket, Self::Full, Self::NoEpochs];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Ticket => "ticket",
            Self::Full => "full",
            Self::NoEpochs => "no_epochs",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Settling => 0,
            Self::Ticket => 1,
            Self::Full => 2,
            Self::NoEpochs => 3,
            Self::Unknown(number) => number,
        }
    }

    /// The refusal with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Settling,
            1 => Self::Ticket,
            2 => Self::Full,
            3 => Self::NoEpochs,
            other => Self::Unknown(other),
        }
    }
}

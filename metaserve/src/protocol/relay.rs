//! Messages from a relay to the daemon (`metaserve-relay/1`). The answers are those of
//! [`heartbeat::FromDaemon`](super::heartbeat::FromDaemon).
//!
//! `docs/reference/protocol.md`, "Relay".

use super::{codec::Message, extensions::Carrier};
use bincode::{BorrowDecode, Encode};
use std::net::SocketAddr;

/// What a relay sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub enum FromRelay<'a> {
    /// Variant 0: lists a server, or changes what is listed under the same key.
    Upsert(Upsert<'a>),
    /// Variant 1: takes the server with this key off the list. Unknown keys are ignored.
    Remove(u64),
}

impl Message for FromRelay<'_> {
    const VARIANTS: Option<u32> = Some(2);

    fn carrier(&self) -> Carrier {
        match self {
            Self::Upsert(_) => Carrier::Upsert,
            Self::Remove(_) => Carrier::Removal,
        }
    }
}

/// One server that the relay lists on behalf of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Upsert<'a> {
    /// The relay's own name for the server, unique on this connection.
    pub key: u64,
    /// The game's tag, as in [`Game`](crate::Game).
    pub game: &'a str,
    /// Where players join.
    pub address: SocketAddr,
    /// What players see of it.
    pub heartbeat: &'a [u8],
}

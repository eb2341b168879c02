//! One game of a room.

use std::{net::SocketAddrV4, time::Instant};

use bytes::Bytes;

use crate::aleph_one::{GameId, UserId, sent::GameEntry};

/// The gatherer of a server of the registry, who is no user here.
const NOBODY: UserId = UserId(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Game {
    /// Whose it is; `None` for a server of the registry.
    pub(super) gatherer: Option<UserId>,
    pub(super) address: SocketAddrV4,
    /// `docs/specifications/myth-metaserver.md`, section 16; it can be read.
    pub(super) description: Bytes,
    /// Since when it runs.
    pub(super) started: Option<Instant>,
    /// How many seconds it takes from then on.
    pub(super) length: Option<u32>,
    /// Where it is, if not at its gatherer's.
    pub(super) hub: Option<u16>,
}

impl Game {
    /// How long it goes on; `None` when that is not known.
    pub(super) fn seconds_left(&self, now: Instant) -> Option<u32> {
        let run = now.saturating_duration_since(self.started?).as_secs();
        let length = self.length?;
        Some(length.saturating_sub(u32::try_from(run).unwrap_or(u32::MAX)))
    }

    /// How the list shows it.
    pub(super) fn entry(&self, id: GameId, now: Instant) -> GameEntry<'_> {
        GameEntry {
            id,
            address: self.address,
            seconds_left: self.seconds_left(now),
            gatherer: self.gatherer.unwrap_or(NOBODY),
            description: &self.description,
        }
    }
}

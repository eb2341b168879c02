//! One game of a room.

use std::{net::SocketAddrV4, time::Instant};

use bytes::Bytes;

use crate::aleph_one::{GameId, UserId, sent::GameEntry};

/// The gatherer shown for servers of the registry. It is no user.
const NOBODY: UserId = UserId(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Game {
    /// The gatherer; `None` for a server of the registry.
    pub(super) gatherer: Option<UserId>,
    pub(super) address: SocketAddrV4,
    /// The description (`docs/specifications/myth-metaserver.md`, section 16). It is known to be
    /// readable.
    pub(super) description: Bytes,
    /// When it was started.
    pub(super) started: Option<Instant>,
    /// How many seconds it lasts from then on.
    pub(super) length: Option<u32>,
    /// The hub that hosts it; `None` if the gatherer does.
    pub(super) hub: Option<u16>,
}

impl Game {
    /// Returns how long it still lasts; `None` if that is unknown.
    pub(super) fn seconds_left(&self, now: Instant) -> Option<u32> {
        let run = now.saturating_duration_since(self.started?).as_secs();
        let length = self.length?;
        Some(length.saturating_sub(u32::try_from(run).unwrap_or(u32::MAX)))
    }

    /// Returns its entry in the list.
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

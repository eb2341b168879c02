//! One frame of the list on its way to a game client, as slowly as the client takes it.

use crate::protocol::roles::MIN_BYTES_PER_SECOND;
use bytes::{Buf, Bytes};
use std::time::{Duration, Instant};

/// A frame that is being written to one client.
#[derive(Debug)]
pub struct Writing {
    rest: [Bytes; 1],
    written: Written,
    stall_timeout: Duration,
    /// However much it takes now and then.
    given_up_at: Instant,
    stalled_at: Instant,
}

/// How a frame was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was room for all of it.
    AtOnce,
    /// The client had to make room first, by taking what it had not taken yet.
    AsItWasTaken,
}

impl Writing {
    /// Begins to write `frame` now. It is given up when nothing is taken for `stall_timeout`, or
    /// too little altogether: less than [`MIN_BYTES_PER_SECOND`].
    #[must_use]
    pub fn new(frame: Bytes, stall_timeout: Duration, now: Instant) -> Self {
        let slowest = Duration::from_secs((frame.len() / MIN_BYTES_PER_SECOND) as u64);
        Self {
            rest: [frame],
            written: Written::AtOnce,
            stall_timeout,
            given_up_at: now + stall_timeout + slowest,
            stalled_at: now + stall_timeout,
        }
    }

    /// What is still to be written; empty when the client has all of it.
    pub fn rest(&mut self) -> &mut [Bytes; 1] {
        &mut self.rest
    }

    /// Some of the rest was taken now, and is cut off it. Returns how the frame was written, once
    /// all of it is.
    pub fn taken(&mut self, now: Instant) -> Option<Written> {
        if self.rest[0].has_remaining() {
            self.written = Written::AsItWasTaken;
            self.stalled_at = now + self.stall_timeout;
            return None;
        }
        Some(self.written)
    }

    /// When the client is too slow: its stream is reset, and a snapshot follows on another one.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.given_up_at.min(self.stalled_at)
    }
}

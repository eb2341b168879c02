//! How a holder knows that the daemon has heard of it.

use super::{Kind, Link, Session};
use bytes::Bytes;
use metaserve::protocol::{codec, names::FromPeer};
use std::time::{Duration, Instant};

/// For this long after it has sent something that the daemon has answered, a holder may be sure of
/// its claim: the daemon gives a key to another one after this long without a packet of its holder.
///
/// What the daemon sends of itself shows nothing. It may have been sent before a holder was frozen,
/// and it arrives as well when nothing of the holder does.
const LEASE: Duration = Duration::from_secs(5);

/// The id of the question. Requests of the program have greater ones.
pub(super) const ID: u64 = 0;

/// What is asked for, since every answer will do: a key that hardly anybody claims, so that the
/// answer is short.
const KEY: &str = "?";

/// A question that is asked again and again.
#[derive(Debug, Default)]
pub(super) struct Echo {
    due: bool,
    /// When the question was said that is not answered yet.
    said: Option<Instant>,
}

impl Echo {
    pub(super) const fn is_due(&self) -> bool {
        self.due
    }

    pub(super) fn say(&mut self, now: Instant) -> Option<Bytes> {
        std::mem::take(&mut self.due).then(|| {
            self.said = Some(now);
            let (id, key, start) = (ID, KEY, None);
            codec::frame(FromPeer::Resolve { id, key, start })
        })
    }
}

impl Session {
    /// Asks the daemon for a sign of life, if the program holds a claim. To be called about once a
    /// second.
    pub(in crate::names) fn beat(&mut self) {
        let mut claims = self.requests.values();
        let holds = |kind: &Kind| matches!(kind, Kind::Claim(claim) if claim.is_held());
        if matches!(self.link, Link::Up { .. })
            && self.echo.said.is_none()
            && claims.any(|it| holds(&it.kind))
        {
            self.echo.due = true;
        }
    }

    pub(super) fn echoed(&mut self) {
        if let Some(said) = self.echo.said.take() {
            self.heard_us(said);
        }
    }

    /// The daemon has answered what was said at this moment.
    pub(super) fn heard_us(&mut self, said: Instant) {
        if let Link::Up { heard_us } = &mut self.link {
            *heard_us = (*heard_us).max(Some(said));
        }
    }

    /// Whether the daemon has heard of us so recently that it has given no key of ours to another
    /// one.
    pub(super) fn is_heard(&self, now: Instant) -> bool {
        matches!(self.link, Link::Up { heard_us: Some(at) } if now < at + LEASE)
    }
}

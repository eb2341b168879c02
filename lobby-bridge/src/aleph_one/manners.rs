//! How a player speaks: packets at a limited rate, and signs of life in between.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::{
    codec::{FrameError, take_frame},
    denial::Denial,
    event::{Event, Gate},
    limits::Limits,
    patience::{Patience, Verdict},
    received::{Packet, TooShort, packet},
    sent,
};
use crate::peers::{self, Goodbye, Said, Standing};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Manners {
    gate: Gate,
    limits: Limits,
    patience: Patience,
}

/// Why no more packets can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Packet(#[from] TooShort),
}

impl Manners {
    /// Makes the manners of a connection that has just arrived at `gate`.
    pub(super) fn new(gate: Gate, limits: &Limits, now: Instant) -> Self {
        Self {
            gate,
            limits: limits.clone(),
            patience: Patience::new(gate, now),
        }
    }
}

impl peers::Manners for Manners {
    type Event = Event;
    type Error = Malformed;

    fn take(&self, buffer: &mut BytesMut) -> Result<Option<Said<Event>>, Malformed> {
        let Some((kind, body)) = take_frame(buffer)? else {
            return Ok(None);
        };
        let what = match packet(kind, &body)? {
            Packet::KeepAlive => None,
            packet => Some(Event::Packet(packet)),
        };
        let bytes = body.len();
        Ok(Some(Said { what, bytes }))
    }

    fn deadline(&self, _: Option<Instant>) -> Option<Instant> {
        Some(self.patience.deadline(&self.limits))
    }

    fn expired(&mut self, now: Instant) -> peers::Verdict {
        match self.patience.expired(now) {
            Verdict::Ask => peers::Verdict::Ask(sent::KEEP_ALIVE),
            Verdict::GiveUp => peers::Verdict::CutOff("it is silent"),
        }
    }

    fn heard(&mut self, standing: Standing, now: Instant) {
        self.patience.heard(standing, now);
    }

    fn limit(&self) -> Option<(Instant, peers::Verdict)> {
        let limit = self.patience.limit(&self.limits)?;
        Some((limit, peers::Verdict::CutOff("it takes too long")))
    }

    fn resumed(&mut self, now: Instant) -> Option<Bytes> {
        let unsure = self.patience.is_unsure(&self.limits, now);
        unsure.then_some(sent::KEEP_ALIVE)
    }

    fn broken(&mut self, error: &Malformed) -> Option<Event> {
        tracing::info!("disconnected: {error}");
        None
    }

    fn lost(&self, why: &'static str) {
        tracing::info!("disconnected: {why}");
    }

    fn goodbye(&self, why: Goodbye<'_>) -> Vec<Bytes> {
        let in_room = matches!(self.gate, Gate::Room(_));
        match why {
            Goodbye::Banned(ban) => Denial::banned(ban).frames(in_room).collect(),
            Goodbye::Closing if in_room => {
                vec![sent::room_message(b"This server is closing now. Goodbye.")]
            }
            Goodbye::Closing => Vec::new(),
        }
    }
}

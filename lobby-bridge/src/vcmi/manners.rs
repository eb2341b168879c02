//! How a launcher speaks: frames of text. Once logged in, it may be silent.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::{
    codec::{FrameError, take_frame},
    limits::Limits,
    lobby::Event,
    message::Message,
};
use crate::peers::{self, Goodbye, Said, Standing, Verdict};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Manners {
    limits: Limits,
    /// When it must have logged in; `None` once it has.
    authorisation: Option<Instant>,
}

impl Manners {
    /// Makes the manners of a client that enters the lobby now.
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            limits: limits.clone(),
            authorisation: Some(now + limits.authorisation_time),
        }
    }
}

/// Turns a frame into an event of the lobby.
pub(super) fn said(payload: Bytes) -> Said<Event> {
    Said {
        bytes: payload.len(),
        what: Some(Event::Frame(payload)),
    }
}

impl peers::Manners for Manners {
    type Event = Event;
    type Error = FrameError;

    fn take(&self, buffer: &mut BytesMut) -> Result<Option<Said<Event>>, FrameError> {
        Ok(take_frame(buffer, self.limits.lobby_frame_bytes)?.map(said))
    }

    fn deadline(&self, begun: Option<Instant>) -> Option<Instant> {
        let frame = begun.map(|begun| begun + self.limits.frame_time);
        self.authorisation.into_iter().chain(frame).min()
    }

    fn expired(&mut self, _: Instant) -> Verdict {
        tracing::debug!(error = "too slow", "no more frames");
        Verdict::Close(Vec::new())
    }

    fn heard(&mut self, standing: Standing, _: Instant) {
        if standing == Standing::Inside {
            self.authorisation = None;
        }
    }

    fn limit(&self) -> Option<(Instant, Verdict)> {
        self.authorisation
            .map(|deadline| (deadline, Verdict::Close(Vec::new())))
    }

    fn broken(&mut self, error: &FrameError) -> Option<Event> {
        tracing::debug!(%error, "no more frames");
        matches!(error, FrameError::TooLong { .. }).then_some(Event::Garbled)
    }

    fn lost(&self, _: &'static str) {
        tracing::warn!("disconnected: it does not read what was sent to it");
    }

    fn goodbye(&self, why: Goodbye<'_>) -> Vec<Bytes> {
        match why {
            Goodbye::Banned(ban) => vec![Message::banned(ban).as_str().to_owned().into()],
            Goodbye::Closing => Vec::new(),
        }
    }
}

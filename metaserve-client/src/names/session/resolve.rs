//! A question who holds a key, and the wish to have it started.

use super::{Kind, Next, Session};
use crate::names::{
    Found,
    error::{Failed, StartError},
};
use bytes::Bytes;
use metaserve::{
    names::{Answer, Key},
    protocol::{
        codec,
        names::{self as wire, FromPeer},
    },
};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long after the time of a start its answer may arrive.
const GRACE: Duration = Duration::from_secs(1);

/// How to start a key.
#[derive(Clone, Debug)]
pub(in crate::names) struct HowToStart {
    pub(in crate::names) payload: Bytes,
    pub(in crate::names) ticket: Option<Bytes>,
}

/// Who holds the key; none if nobody does.
pub(in crate::names) type Answered = Result<Option<Found>, StartError>;

#[derive(Debug)]
pub(super) struct Resolve {
    key: Key,
    start: Option<HowToStart>,
    graced: bool,
    answer: Option<oneshot::Sender<Answered>>,
}

impl Session {
    /// Asks who holds a key and, if nobody does, has it started. Fails unless it is answered until
    /// then.
    pub(in crate::names) fn resolve(
        &mut self,
        key: Key,
        start: Option<HowToStart>,
        until: Instant,
    ) -> (u64, oneshot::Receiver<Answered>) {
        let (sender, answer) = oneshot::channel();
        let resolve = Resolve {
            key,
            start,
            graced: false,
            answer: Some(sender),
        };
        (self.begin(Kind::Resolve(resolve), Some(until)), answer)
    }
}

impl Resolve {
    pub(super) fn say(&self, id: u64, until: Option<Instant>, now: Instant) -> Option<Bytes> {
        let left = until.map(|until| until.saturating_duration_since(now));
        let millis = left.unwrap_or_default().as_millis();
        let start = self.start.as_ref().map(|start| wire::Start {
            payload: &start.payload,
            within_millis: u32::try_from(millis).unwrap_or(u32::MAX),
            ticket: start.ticket.as_deref(),
        });
        let key = self.key.as_str();
        Some(codec::frame(FromPeer::Resolve { id, key, start }))
    }

    /// How much longer than its time it may take: the daemon says after that time why nobody has
    /// started the key.
    pub(super) fn grace(&mut self, said: bool) -> Option<Duration> {
        let graced = std::mem::replace(&mut self.graced, true);
        (said && self.start.is_some() && !graced).then_some(GRACE)
    }

    pub(super) fn answered(&mut self, answer: Answer) -> Next {
        let answered = match answer {
            Answer::Found {
                epoch,
                value,
                address,
                ..
            } => Ok(Some(Found {
                epoch,
                value,
                address,
            })),
            Answer::Absent { .. } => Ok(None),
            Answer::Unavailable { why, .. } => Err(StartError::Unavailable(why)),
            _ => return Next::Goes,
        };
        self.tell(answered);
        Next::Ended
    }

    pub(super) fn fail(mut self, why: Failed) {
        self.tell(Err(why.into()));
    }

    fn tell(&mut self, answered: Answered) {
        if let Some(answer) = self.answer.take() {
            // The program may no longer wait.
            let _ = answer.send(answered);
        }
    }
}

//! The daemon's side of each role.

mod allowance;
mod first;
mod publication;
mod statements;
mod writing;

pub use first::{First, Quiet, Subscription, hello, subscription};
pub use publication::{Effect, Publication};
pub use statements::{Statement, Statements, Unlistable};
pub use writing::{Writing, Written};

use crate::protocol::{
    close::{Close, CloseCode},
    ended::FrameError,
};
use std::time::Duration;

/// A peer has done something that ends its session: how it is closed, and what is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{close}")]
pub struct Fault {
    /// What the peer is told.
    pub close: Close,
    /// What it has done.
    pub kind: FaultKind,
}

/// What a peer has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its first message did not come in time.
    Silent,
    /// Its first message was not one that its role begins with.
    FirstMessage,
    /// A later message cannot be read.
    Malformed,
    /// A heartbeat is longer than the daemon accepts.
    Oversize,
    /// Heartbeats come far more often than they are listed.
    TooOften,
    /// It has left in the middle of a message.
    Gone,
}

impl Fault {
    fn first_message(error: impl Into<Close>) -> Self {
        Self {
            close: error.into(),
            kind: FaultKind::FirstMessage,
        }
    }

    fn malformed(error: impl std::fmt::Display) -> Self {
        Self {
            close: Close::malformed(error),
            kind: FaultKind::Malformed,
        }
    }

    fn silent(within: Duration) -> Self {
        let reason = format!("no message came within {within:?} of connecting");
        Self {
            close: Close::new(CloseCode::TooSlow, reason),
            kind: FaultKind::Silent,
        }
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        let kind = match error {
            FrameError::Lost(_) | FrameError::Reset(_) => FaultKind::Gone,
            _ => FaultKind::Malformed,
        };
        let close = error.into();
        Self { close, kind }
    }
}

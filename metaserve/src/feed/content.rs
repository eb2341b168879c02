//! What a frame says.

use super::history::Delta;
use crate::list::{Revision, Server};

/// The content of a [`Frame`](super::Frame).
#[derive(Debug)]
pub enum Content {
    /// The whole list.
    Snapshot {
        /// All servers, in no order.
        servers: Vec<Server>,
        /// The last change that the list contains.
        revision: Revision,
    },
    /// What has changed.
    Delta(Delta),
}

impl Content {
    /// The revision it builds on; none for a snapshot, which builds on nothing.
    pub(super) fn from(&self) -> Option<Revision> {
        match self {
            Self::Snapshot { .. } => None,
            Self::Delta(delta) => Some(delta.from),
        }
    }

    /// The revision of the list of a client that has read it.
    pub(super) fn to(&self) -> Revision {
        match self {
            Self::Snapshot { revision, .. } => *revision,
            Self::Delta(delta) => delta.to,
        }
    }
}

//! What a frame says.

use super::history::Delta;
use crate::list::{Revision, Server};

#[derive(Debug)]
pub(super) enum Content {
    Snapshot {
        servers: Vec<Server>,
        revision: Revision,
    },
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

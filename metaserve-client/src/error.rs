//! Why a list is not followed any longer.

use crate::list::OutOfOrder;
use metaserve::{
    Close, CloseCode, InvalidGame, close::Retry, protocol::codec::DecodeError, stream::FrameError,
};

/// Why a list is not followed any longer. The last snapshot stays valid, and grows old.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The daemon has closed the connection, with its reason in words.
    #[error("the daemon has closed the connection: {0}")]
    Refused(Close),
    /// The connection was lost: the network, the daemon's machine, or this side closed it.
    #[error("the connection to the daemon was lost: {0}")]
    Lost(quinn::ConnectionError),
    /// The game's tag cannot be used. Nothing was sent.
    #[error(transparent)]
    Game(#[from] InvalidGame),
    /// What the daemon sent is not the protocol, or more than the list may have: it may be of
    /// another version.
    #[error("the daemon does not speak our protocol: {0}")]
    Protocol(FrameError),
    /// The daemon sent a change of another list than ours.
    #[error("a change from revision {from} was sent to a list at revision {ours}")]
    OutOfOrder {
        /// The revision that the change builds on.
        from: u64,
        /// The revision of our list.
        ours: u64,
    },
}

impl Error {
    /// Whether, and how eagerly, it is worth connecting again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(close) => close.code.retry(),
            Self::Lost(_) => Retry::Soon,
            Self::Protocol(_) | Self::OutOfOrder { .. } => Retry::Slowly,
            Self::Game(_) => Retry::Never,
        }
    }

    /// Whether the list that we have may be at fault, so that it is better begun anew.
    pub(crate) fn spoils_list(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::OutOfOrder { .. })
    }

    /// The close code with which the daemon refused, if it did.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Refused(close) => Some(close.code),
            _ => None,
        }
    }
}

impl From<quinn::ConnectionError> for Error {
    fn from(error: quinn::ConnectionError) -> Self {
        match Close::from_peer(&error) {
            Some(close) => Self::Refused(close),
            None => Self::Lost(error),
        }
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Lost(lost) => lost.into(),
            other => Self::Protocol(other),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.into())
    }
}

impl From<OutOfOrder> for Error {
    fn from(OutOfOrder { from, ours }: OutOfOrder) -> Self {
        Self::OutOfOrder { from, ours }
    }
}

//! Why a list is not followed any longer.

use crate::list::OutOfOrder;
use metaserve::{
    Close, CloseCode, InvalidGame, Retry, protocol::codec::DecodeError, stream::FrameError,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: CloseCode) -> Error {
        let close = quinn::ApplicationClose {
            error_code: code.into(),
            reason: "in words".into(),
        };
        quinn::ConnectionError::ApplicationClosed(close).into()
    }

    #[test]
    fn who_is_refused_knows_why_and_when_to_come_back() {
        for code in CloseCode::KNOWN {
            let error = refused(code);
            assert_eq!(error.close_code(), Some(code));
            assert_eq!(error.retry(), code.retry());
            assert!(!error.spoils_list());
            assert!(error.to_string().ends_with("in words"), "{error}");
        }
    }

    #[test]
    fn who_loses_the_connection_comes_back_soon_with_the_list_that_he_has() {
        for error in [
            Error::from(quinn::ConnectionError::TimedOut),
            Error::from(FrameError::Lost(quinn::ConnectionError::Reset)),
        ] {
            assert!(matches!(error, Error::Lost(_)), "{error}");
            assert_eq!((error.close_code(), error.retry()), (None, Retry::Soon));
            assert!(!error.spoils_list());
        }
    }

    #[test]
    fn a_list_that_a_daemon_may_have_spoiled_is_begun_anew() {
        let out_of_order = Error::from(OutOfOrder { from: 2, ours: 1 });
        for error in [Error::from(FrameError::CutShort), out_of_order] {
            assert!(error.spoils_list(), "{error}");
            assert_eq!((error.close_code(), error.retry()), (None, Retry::Slowly));
        }
    }
}

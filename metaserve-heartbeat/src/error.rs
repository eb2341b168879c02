//! Why a server is not listed any longer.

use metaserve::{Close, CloseCode, InvalidGame, Retry, stream::FrameError};

/// Why a server is not listed any longer.
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
    /// What the daemon sent is not the protocol: it may be of another version.
    #[error("the daemon does not speak our protocol: {0}")]
    Protocol(FrameError),
}

impl Error {
    /// Whether, and how eagerly, it is worth connecting again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(close) => close.code.retry(),
            Self::Lost(_) => Retry::Soon,
            Self::Protocol(_) => Retry::Slowly,
            Self::Game(_) => Retry::Never,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_knows_why_and_when_to_come_back() {
        for code in CloseCode::KNOWN {
            let close = quinn::ApplicationClose {
                error_code: code.into(),
                reason: "in words".into(),
            };
            let error = Error::from(quinn::ConnectionError::ApplicationClosed(close));
            assert_eq!(error.close_code(), Some(code));
            assert_eq!(error.retry(), code.retry());
            assert!(error.to_string().ends_with("in words"), "{error}");
        }
    }

    #[test]
    fn who_loses_the_connection_comes_back_soon() {
        for error in [
            Error::from(quinn::ConnectionError::TimedOut),
            Error::from(FrameError::Lost(quinn::ConnectionError::Reset)),
        ] {
            assert!(matches!(error, Error::Lost(_)), "{error}");
            assert_eq!((error.close_code(), error.retry()), (None, Retry::Soon));
        }
    }

    #[test]
    fn a_daemon_that_speaks_something_else_is_asked_again_slowly() {
        let error = Error::from(FrameError::CutShort);
        assert_eq!((error.close_code(), error.retry()), (None, Retry::Slowly));
    }
}

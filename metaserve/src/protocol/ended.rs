//! Why a stream or a session has ended.

use super::{
    close::{Close, CloseCode, Retry},
    codec::DecodeError,
    framing::Oversize,
};
use crate::{ConnectError, InvalidGame, sentence::debug_as_sentence};

/// Why a session with the daemon has ended, for game servers, game clients and relays.
///
/// A server or relay is off the list then. The last snapshot of a client stays valid, and grows
/// old.
///
/// `{:?}` prints the sentence that `{}` prints, which is what a `main` that returns the error shows.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// There was no connection: a setting cannot be used, or the daemon is not one that is trusted
    /// and speaks the protocol.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon has closed the connection, with its reason in words.
    #[error("the daemon has closed the connection: {0}")]
    Refused(Close),
    /// The connection was lost: the network, the daemon's machine, or this side closed it.
    #[error("the connection to the daemon was lost: {0}")]
    Lost(quinn::ConnectionError),
    /// The game's tag cannot be used. Nothing was sent.
    #[error(transparent)]
    Game(#[from] InvalidGame),
    /// The daemon sent something that is not the protocol, or more than a list may have. It may
    /// speak another version.
    #[error("the daemon does not speak our protocol: {0}")]
    Protocol(FrameError),
    /// The daemon sent a client a change of another list than the client has.
    #[error("a change from revision {from} was sent to a list at revision {ours}")]
    OutOfOrder {
        /// The revision that the change builds on.
        from: u64,
        /// The revision of our list.
        ours: u64,
    },
    /// The daemon sent a client a change of a server that is not in its list.
    #[error("a change of server {0} was sent, which is not in the list")]
    UnknownServer(u64),
}

debug_as_sentence!(Ended, FrameError);

impl Ended {
    /// Whether, and how eagerly, it is worth connecting again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(close) => close.code.retry(),
            Self::Connect(error) => error.retry(),
            Self::Lost(_) => Retry::Soon,
            Self::Protocol(_) | Self::OutOfOrder { .. } | Self::UnknownServer(_) => Retry::Slowly,
            Self::Game(_) => Retry::Never,
        }
    }

    /// Whether the list that a client has may be wrong, so that it should subscribe without a cursor.
    #[must_use]
    pub fn spoils_list(&self) -> bool {
        self.violation().is_some()
    }

    /// The close for the daemon, if this side ends the session because of what the daemon sent.
    #[must_use]
    pub fn violation(&self) -> Option<Close> {
        let reason = match self {
            Self::Protocol(error) => error.to_string(),
            Self::OutOfOrder { .. } | Self::UnknownServer(_) => self.to_string(),
            Self::Connect(_) | Self::Refused(_) | Self::Lost(_) | Self::Game(_) => return None,
        };
        Some(Close::new(CloseCode::ProtocolViolation, reason))
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

impl From<quinn::ConnectionError> for Ended {
    fn from(error: quinn::ConnectionError) -> Self {
        match Close::from_peer(&error) {
            Some(close) => Self::Refused(close),
            None => Self::Lost(error),
        }
    }
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Lost(lost) => lost.into(),
            other => Self::Protocol(other),
        }
    }
}

impl From<Oversize> for Ended {
    fn from(error: Oversize) -> Self {
        Self::Protocol(error.into())
    }
}

impl From<DecodeError> for Ended {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.into())
    }
}

/// A stream ended otherwise than between two frames, or was not what it should be.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The connection is gone; [`quinn::ConnectionError`] says which side ended it.
    #[error("the connection was lost: {0}")]
    Lost(#[from] quinn::ConnectionError),
    /// The peer has reset the stream with this number, and may open another.
    #[error("the peer has reset its stream with code {0}")]
    Reset(quinn::VarInt),
    /// The peer announced more than we accept.
    #[error(transparent)]
    Oversize(#[from] Oversize),
    /// The peer's bytes are not the message they should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The peer ended its stream in the middle of a frame.
    #[error("the stream ended in the middle of a frame")]
    CutShort,
}

impl From<FrameError> for Close {
    /// What to close the connection with: *protocol violation*, or why the connection was lost.
    fn from(error: FrameError) -> Self {
        let reason = match error {
            FrameError::Lost(lost) => {
                let own = || Self::new(CloseCode::Goodbye, lost.to_string());
                return Self::from_peer(&lost).unwrap_or_else(own);
            }
            FrameError::Reset(code) if code == CloseCode::Goodbye.into() => {
                return Self::new(CloseCode::Goodbye, "the peer has reset its stream");
            }
            FrameError::Decode(error) => return Self::malformed(error),
            other => other.to_string(),
        };
        Self::new(CloseCode::ProtocolViolation, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: CloseCode) -> Ended {
        let close = quinn::ApplicationClose {
            error_code: code.into(),
            reason: "in words".into(),
        };
        quinn::ConnectionError::ApplicationClosed(close).into()
    }

    #[test]
    fn a_refusal_says_why_and_when_to_come_back() {
        for code in CloseCode::KNOWN {
            let ended = refused(code);
            assert_eq!(ended.close_code(), Some(code));
            assert_eq!(ended.retry(), code.retry());
            assert!(!ended.spoils_list());
            assert!(ended.to_string().ends_with("in words"), "{ended}");
        }
    }

    #[test]
    fn a_lost_connection_is_made_again_soon_and_the_list_is_kept() {
        for ended in [
            Ended::from(quinn::ConnectionError::TimedOut),
            Ended::from(FrameError::Lost(quinn::ConnectionError::Reset)),
        ] {
            assert!(matches!(ended, Ended::Lost(_)), "{ended}");
            assert_eq!((ended.close_code(), ended.retry()), (None, Retry::Soon));
            assert!(!ended.spoils_list());
        }
    }

    #[test]
    fn after_a_violation_by_the_daemon_the_whole_list_is_asked_for_slowly() {
        let out_of_order = Ended::OutOfOrder { from: 2, ours: 1 };
        let unknown = Ended::UnknownServer(7);
        for ended in [Ended::from(FrameError::CutShort), out_of_order, unknown] {
            let told = ended.violation().unwrap();
            assert_eq!(told.code, CloseCode::ProtocolViolation);
            assert!(ended.to_string().ends_with(&told.reason), "{ended}");
            assert!(ended.spoils_list(), "{ended}");
            assert_eq!((ended.close_code(), ended.retry()), (None, Retry::Slowly));
        }
    }
}

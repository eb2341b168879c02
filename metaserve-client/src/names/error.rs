//! Why a request about names has failed, and why a claim was lost.

use bytes::Bytes;
use metaserve::{
    Ended,
    names::{InvalidKey, Refusal},
};
use std::{fmt, sync::Arc, time::Duration};

/// A request has failed. Nothing is held, and nobody is asked to start anything.
///
/// `{:?}` prints the sentence that `{}` prints.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// The text is not a key or prefix. Nothing was sent.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A value, payload or ticket is too long. Nothing was sent.
    #[error("a {what} has at most {most} bytes, and this one has {bytes}")]
    TooLong {
        /// Which of them: `value`, `payload` or `ticket`.
        what: &'static str,
        /// The longest one, in bytes.
        most: usize,
        /// This one's length in bytes.
        bytes: usize,
    },
    /// The daemon refuses the request.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There was no connection to the daemon in the time that the request may take.
    #[error("there is no connection to the daemon yet: {why}")]
    NoConnection {
        /// What has happened to the last attempt.
        why: String,
    },
    /// There is a connection, and the daemon has not answered in the time that the request may take.
    #[error("the daemon has not answered in time")]
    NoAnswer,
    /// The keys of a watch, with their values, are longer than the program wants to keep.
    #[error("the keys of the watch and their values have more than {0} bytes")]
    TooMuch(usize),
    /// Connecting again cannot help: see [`Maintain::run`](super::Maintain::run).
    #[error(transparent)]
    Ended(Arc<Ended>),
    /// This program has called [`Names::close`](super::Names::close).
    #[error("the program has closed its connection for names")]
    Closed,
}

/// The daemon refuses a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// The kind of the reason.
    pub refusal: Refusal,
    /// When the same request may succeed, if the daemon knows that.
    pub again: Option<Duration>,
    /// The reason in words.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the daemon refuses: {}", self.why)?;
        match self.again {
            Some(again) => write!(f, "; it may succeed in {again:.1?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// A key was not claimed.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Another one holds the key. The daemon keeps no queue: [watch](super::Names::watch) the key to
    /// learn when it is free.
    #[error("another one holds the key, with epoch {epoch}")]
    Held {
        /// The epoch of that claim.
        epoch: u64,
        /// Its value.
        value: Bytes,
    },
    /// It was granted, and lost before the program could see that.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Any other reason.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Nobody holds the key, and it was not started.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No host could start it in time: the reasons of the hosts that were asked, in words.
    #[error("nobody could start it: {0}")]
    Unavailable(String),
    /// Any other reason.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Why a claim is no longer held. Stop what only the holder may do, then claim the key again if you
/// still want it.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The daemon has given the key to another one, which has shown a later grant.
    #[error("the daemon has given the key to another holder")]
    Displaced,
    /// The connection was lost for so long that another one holds the key now.
    #[error("the connection was lost, and another one holds the key now, with epoch {epoch}")]
    Taken {
        /// The epoch of that claim.
        epoch: u64,
    },
    /// The connection was lost for so long, or the daemon has closed it, so that the key was free, and
    /// another one may have held it in between or hold it now.
    #[error("the connection was lost, and another one may have held the key in between")]
    Interrupted,
    /// The connection was lost, and the daemon does not let this program hold the key again.
    #[error("the connection was lost, and the claim was not renewed: {0}")]
    Refused(Refused),
    /// Connecting again cannot help: see [`Maintain::run`](super::Maintain::run).
    #[error(transparent)]
    Ended(Arc<Ended>),
    /// This program has called [`Names::close`](super::Names::close).
    #[error("the program has closed its connection for names")]
    Closed,
}

/// A program that returns the error from `main` shows its sentence.
macro_rules! debug_as_sentence {
    ($($error:ty),+) => {$(
        impl fmt::Debug for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}

debug_as_sentence!(Failed, Refused, ClaimError, StartError, Lost);

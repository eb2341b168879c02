//! Which server is asked, and how.

use crate::Protocol;

/// A game server to ask, written `quake3://127.0.0.1:27960`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How it is asked.
    pub protocol: Protocol,
    /// A name, or an address of either family (without brackets).
    pub host: String,
    /// The port that answers.
    pub port: u16,
}

/// The text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTarget(String);

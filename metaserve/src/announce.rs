//! Announcing a server over HTTP: what a request says, and how it is answered. Pure.
//!
//! The daemon and the agent accept the same requests: `PUT` and `DELETE` of
//! `/api/v1/servers/{game}/{port}`.

use crate::Game;
use std::time::Duration;

/// What a request says about the server that it announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The game to be listed in.
    pub game: Game,
    /// The port that players join by.
    pub port: u16,
    /// How long the server stays listed without another announcement.
    pub ttl: Duration,
}

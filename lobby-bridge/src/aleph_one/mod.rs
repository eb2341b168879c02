//! The Myth metaserver as players of Aleph One use it: login daemon, rooms, games.
//!
//! Pure, from bytes to meaning: `codec.rs` (frames), `received.rs` and `sent.rs` (packets in and
//! out), `text.rs`, `names.rs`, `description.rs` (a game), `hall/` with `login.rs`, `users.rs`
//! (users and tokens) and `room/` (the state), `event.rs` (its events and effects), `denial.rs`
//! (refusals), `published.rs` with `listing.rs` (games as servers, and servers as games;
//! `hidden.rs` says which are left out), `patience.rs` and `manners.rs` (how a player speaks and
//! may be silent), `kept_out.rs` (kicked and banned players). `rules.rs` has the operator's
//! choices, and `limits.rs` the limits of all of it.
//!
//! Sockets are in [`peers`](crate::peers). `server.rs` puts everything together, `open.rs` opens it
//! with its accounts and services, and [`settings`] has the settings. `errands/` is work that takes
//! time: accounts, hubs, bans, the test of `.test`. `https/` exchanges passwords for tokens.

pub mod codec;
pub mod denial;
pub mod description;
mod errands;
pub mod event;
pub mod hall;
pub mod hidden;
pub mod https;
mod ids;
mod kept_out;
pub mod limits;
pub mod listing;
mod login;
mod manners;
pub mod names;
mod open;
mod patience;
mod published;
pub mod received;
mod room;
pub mod rules;
pub mod scramble;
pub mod secrets;
pub mod sent;
mod server;
pub mod settings;
pub mod users;

pub use self::{
    event::{Gate, Native},
    hidden::Hidden,
    limits::Limits,
    open::{Metaserver, OpenError},
    published::follow,
    rules::{RoomRules, Rules, SecondLogin},
    server::{Links, Server, Settings},
    settings::AlephOneSettings,
};

pub use crate::{mac_roman as text, peers::ListenError};

use std::fmt;

/// Names a player while logged in (`docs/specifications/myth-metaserver.md`, section 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// Names a game while it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameId(pub u32);

impl From<GameId> for u64 {
    fn from(GameId(id): GameId) -> Self {
        id.into()
    }
}

/// Red, green and blue, each from 0 to 65,535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rgb(pub [u16; 3]);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

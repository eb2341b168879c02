//! The Myth metaserver as players of Aleph One use it: login daemon, rooms, games.
//!
//! Pure, from bytes to meaning: `codec.rs` (frames), `received.rs` and `sent.rs` (packets in and
//! out), `text.rs`, `names.rs`, `description.rs` (a game), `hall/` with `login.rs`, `users.rs` (who
//! is logged in, tokens) and `room/` (what happens), `event.rs` (what happens to it and what it
//! asks for), `denial.rs` (refusals), `published.rs` with `listing.rs` (games as servers, and
//! servers as games; `hidden.rs` says which not), `patience.rs` and `manners.rs` (how a player
//! speaks, and may be silent), `kept_out.rs` (kicked and banned). `rules.rs` is what the operator
//! chooses, `limits.rs` bounds all of it.
//!
//! Sockets are in [`peers`](crate::peers); `server.rs` puts it all together, `open.rs` opens it with
//! what belongs to it, and [`settings`] is what can be set about it. `errands/` is what has to be
//! waited for: accounts, hubs, bans, the test of `.test`. `https/` exchanges passwords for tokens.

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

/// A player for as long as he is logged in (`docs/specifications/myth-metaserver.md`, section 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// A game for as long as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameId(pub u32);

impl From<GameId> for u64 {
    fn from(GameId(id): GameId) -> Self {
        id.into()
    }
}

/// Red, green and blue, each over the whole range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rgb(pub [u16; 3]);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

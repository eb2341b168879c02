//! VCMI's text lobby and game pipe, protocol versions 1 to 5, on one port.
//!
//! ```text
//!  launcher ──frames──▶ client ──events──▶ ┌───────┐ ──effects──▶ outboxes ──text──▶ launchers
//!                                          │ owner │ ──effects──▶ listings (the registry)
//!  game ─────frames──▶ pipe ────events──▶ └───────┘ ──effects──▶ pairs of pipes
//! ```
//!
//! Pure, from bytes to meaning: `codec.rs` (frames), `handshake.rs` (the kind of connection),
//! `encoding.rs`, `grammar.rs` (tags), `lobby/` with `room.rs`, `sessions.rs`, `statistics.rs` and
//! `uuid.rs` (the state), `message.rs` (what is sent), `listing.rs` (what is published).
//! `limits.rs` has the limits of all of it.
//!
//! `manners.rs` is how a launcher speaks. Sockets are in [`peers`](crate::peers), except those of
//! games, which are in `pipes/`. `server.rs` puts everything together, and `settings.rs` has the
//! settings.

pub mod codec;
pub mod encoding;
pub mod grammar;
pub mod handshake;
pub mod limits;
mod listing;
pub mod lobby;
mod manners;
pub mod message;
mod pipes;
pub mod room;
mod server;
pub mod sessions;
mod settings;
pub mod statistics;
pub mod uuid;

pub use self::{
    limits::Limits,
    server::{Server, Settings},
    settings::VcmiSettings,
};
pub use crate::peers::{ConnectionId, ListenError};

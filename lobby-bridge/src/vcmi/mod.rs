//! VCMI's text lobby and game pipe, protocol versions 1 to 5, on one port.
//!
//! ```text
//!  launcher ──frames──▶ client ──events──▶ ┌───────┐ ──effects──▶ outboxes ──text──▶ launchers
//!                                          │ owner │ ──effects──▶ listings (the registry)
//!  game ─────frames──▶ pipe ────events──▶ └───────┘ ──effects──▶ pairs of pipes
//! ```
//!
//! Pure, from bytes to meaning: `codec.rs` (frames), `handshake.rs` (which kind of connection,
//! who is it), `encoding.rs`, `grammar.rs` (tags), `lobby/` with `room.rs`, `sessions.rs`,
//! `statistics.rs` and `uuid.rs` (what happens), `message.rs` (what is said), `listing.rs`
//! (what is published). `limits.rs` bounds all of it.
//!
//! `manners.rs` is how a launcher speaks. Sockets are in [`peers`](crate::peers), but for those of
//! games, which are in `pipes/`; `server.rs` puts it all together, and
//! `settings.rs` is what can be set about it.

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

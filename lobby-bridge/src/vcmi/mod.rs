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
//! Tasks and sockets: `server.rs` (accept), `owner.rs` (the one task that has the
//! state), `connection.rs` (from accepting to the first frame), `client.rs` (a lobby
//! connection), `pipe.rs` with `couple.rs` (a game connection).

mod client;
pub mod codec;
mod connection;
mod couple;
pub mod encoding;
pub mod grammar;
pub mod handshake;
pub mod limits;
mod listing;
pub mod lobby;
pub mod message;
mod owner;
mod pipe;
pub mod room;
mod server;
pub mod sessions;
pub mod statistics;
pub mod uuid;

pub use self::{
    limits::Limits,
    server::{ListenError, Server, Settings},
};
pub use crate::net::ConnectionId;
use crate::net::now;

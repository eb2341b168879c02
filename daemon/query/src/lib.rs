//! Asks game servers for their state, in the protocols of their own games.
//!
//! ```text
//!  Target ──▶ query() ──▶ exchange/: sockets ──▶ a Dialogue of each protocol, pure ──▶ ServerInfo
//! ```
#![forbid(unsafe_code)]

mod dialogue;
mod exchange;
mod protocol;
mod target;
mod text;
mod unanswered;

mod luanti;
mod minecraft;
mod mumble;
mod quake;
mod teeworlds;
mod valve;

pub use exchange::query;
pub use protocol::Protocol;
pub use target::{InvalidTarget, Target};
pub use unanswered::Unanswered;

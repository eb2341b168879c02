//! From changes to frames: once per tick, for everybody.
//!
//! ```text
//!  registry ── list, remove ──▶ pending ── flush, once a tick ──▶ history
//!                                                                    │ since(cursor)
//!  clients ◀── bytes, shared ── Frame, encoded once ◀────────────────┘
//! ```
//!
//! A client is a cursor. Whoever is at the same revision is given the same frame: those who
//! follow closely, the tick's delta; one who is late, one delta of all he has missed; a newcomer,
//! the snapshot. So a tick costs what has changed and a wake-up for each client, and a client who
//! does not read costs nothing but the frame he has begun.

mod content;
mod feeds;
mod followers;
mod frame;
mod history;
#[cfg(feature = "server-info")]
pub mod json;
mod kind;
mod run;
mod single;
mod ticker;

pub use feeds::Feeds;
pub use frame::Frame;
pub use kind::{Form, Kind};
pub use single::{Feed, Subscription};

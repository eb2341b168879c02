//! Turns changes into frames, once per tick for all clients.
//!
//! ```text
//!  registry ── list, remove ──▶ pending ── flush, once a tick ──▶ history
//!                                                                    │ since(cursor)
//!  clients ◀── bytes, shared ── Frame, encoded once ◀────────────────┘
//! ```
//!
//! A client is a cursor. All clients at the same revision get the same frame: those that follow
//! closely get the tick's delta, a late one gets one delta of all that it has missed, and a new one
//! gets the snapshot. So a tick costs what has changed and a wake-up for each client, and a client
//! that does not read costs only the frame that it has begun.

mod content;
mod elsewhere;
mod feeds;
mod followers;
mod frame;
mod history;
#[cfg(feature = "server-info")]
pub mod json;
mod kind;
mod own;
mod run;
mod single;
mod ticker;

pub use content::Content;
pub use elsewhere::{Beat, Heard};
pub use feeds::Feeds;
pub use frame::Frame;
pub use history::Delta;
pub use kind::{Form, Kind};
pub(crate) use own::Own;
pub use single::{Feed, Subscription};

//! Lists of servers that are served over HTTP: what all of them have in common.
//!
//! ```text
//!   request ──▶ routes ──▶ Counter ──▶ ┌────────────┐ ──▶ Page ──▶ client
//!                     ◀── answer ───── │ ListLobby  │ ──▶ Listings ──▶ the registry
//!      the registry ──▶ Natives ─────▶ │ ServerList │ ──▶ Keeper ──▶ the file of the next run
//!                                      └────────────┘ ◀──▶ Worker: challenges, pings
//! ```
//!
//! A protocol provides a [`ServerList`], which is pure: what each request leads to. The rest of it is
//! a `WebList`: its paths, its file, what it shows, and the `Worker` that reaches out to servers.
//!
//! `list.rs` is the list inside the task that owns it, and `shown.rs` what clients are shown; both
//! are pure. `counter.rs` answers requests, and `server.rs` puts everything together.

mod counter;
mod list;
#[cfg(test)]
pub(crate) mod net;
mod server;
mod shown;

pub(crate) use self::{
    counter::Counter,
    server::{Ready, WebList, Worker},
};
pub use self::{
    list::{Effect, Errand, Event, ListLobby, News, Orders, ServerList},
    server::{ListSettings, RegistryLimits},
    shown::{Native, Shown, ShownOf},
};

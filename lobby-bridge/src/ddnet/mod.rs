//! The list of `DDNet`: servers register over HTTP and prove their addresses by challenges over UDP,
//! clients fetch one JSON file. The specification is `docs/specifications/ddnet-register.md`.
//!
//! ```text
//!  server ──POST register──▶ request ──▶ ┌────────┐ ──▶ answer
//!         ◀─────UDP challenge─────────── │ master │ ──▶ list ──▶ servers.json ──▶ client
//!                      the registry ◀──▶ └────────┘ ──▶ stored (the next run)
//! ```
//!
//! Pure: `request.rs` (what a request says, and the answers), `address.rs`, `info.rs` (what a server
//! says of itself), `tokens.rs` (challenges), `entries.rs` (who is listed), `master/` (what each
//! request leads to), `native.rs` (servers of the registry), `list.rs` (the file that clients
//! fetch), `listing.rs` (what is published), `stored.rs` (the file for the next run). `limits.rs` has
//! the limits of all of it.
//!
//! `routes.rs` are the paths of HTTP, and `server.rs` is what the list needs beyond that, such as the
//! sockets of its challenges; [`web`](crate::web) has all else. `settings.rs` has the settings.

pub mod address;
pub mod entries;
pub mod info;
pub mod limits;
pub mod list;
mod listing;
pub mod master;
pub mod native;
pub mod request;
mod routes;
mod server;
mod settings;
pub mod stored;
pub mod tokens;

pub use self::{limits::Limits, settings::DdnetSettings};

/// The settings of a list.
pub type Settings = crate::web::ListSettings<master::Master>;

/// The game under which servers are published by default.
const GAME: &str = "ddnet";

/// The name of the protocol in records of the registry.
const PROTOCOL: &str = "ddnet";

//! The list of Luanti (Minetest): servers announce themselves over HTTP and are pinged, clients
//! fetch one JSON file. The specification is `docs/specifications/luanti-serverlist.md`.
//!
//! ```text
//!  server ──POST announce──▶ ┌──────┐ ──▶ answer
//!         ◀──ping, answer──▶ │ list │ ──▶ page ──▶ /list ──▶ client
//!          the registry ◀──▶ └──────┘ ──▶ stored (the next run)
//! ```
//!
//! Pure: `list/` (what each announcement leads to), `entry.rs` (a server of the list), `native.rs`
//! (servers of the registry), `page.rs` (the file that clients fetch, and its order), `listing.rs`
//! (what is published), `stored.rs` (the file for the next run). `limits.rs` has the limits of all
//! of it. Announcements are read by [`metaserve_query::luanti`].
//!
//! `routes.rs` are the paths of HTTP, `ping.rs` asks servers whether they are there, and `server.rs` is
//! what the list needs beyond that; [`web`](crate::web) has all else. `settings.rs` has the settings.

pub mod entry;
pub mod limits;
pub mod list;
mod listing;
pub mod native;
pub mod page;
mod ping;
mod routes;
mod server;
mod settings;
pub mod stored;

pub use self::{limits::Limits, settings::LuantiSettings};

/// The settings of a list.
pub type Settings = crate::web::ListSettings<list::List>;

/// The game under which servers are published by default.
const GAME: &str = "luanti";

/// The name of the protocol in records of the registry.
const PROTOCOL: &str = "luanti";

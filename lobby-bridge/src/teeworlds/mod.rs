//! The master server of Teeworlds 0.7: `docs/specifications/ddnet-register.md`, section 15.
//!
//! ```text
//!  game server ──heartbeat──▶ Master
//!              ◀─ fw?? from another port ─ Master
//!              ── fw!! ────▶ Master: listed       Master ── fwok ──▶ game server
//!              ◀── gie3 ──── Master
//!              ── inf3 ────▶ Master: published for the registry
//!  game client ──req2──▶ Master ──lis2──▶ game client
//! ```
//!
//! Before any of these, each side has asked for the other's token, so that nobody is sent more than
//! they have sent unless they have proved their address. [`Master`] is the pure part: datagrams in,
//! errands and listings out. It keeps [`Servers`], and the checks that run.
//!
//! Pure: `tokens.rs` (what peers prove their addresses with), `request.rs` (what comes), `answer.rs`
//! (what is answered), `checks.rs` (servers that are being checked), `servers.rs` (those that are
//! listed), `lobby.rs` (what each datagram leads to), `native.rs` (servers of the registry),
//! `listing.rs` (records for it). `server.rs` and `errands.rs` put everything together.

pub mod answer;
mod checks;
mod errands;
mod limits;
pub mod listing;
mod lobby;
pub mod native;
mod request;
mod server;
mod servers;
mod settings;
#[cfg(test)]
mod tests;
mod tokens;

pub use self::{
    limits::Limits,
    lobby::{Errand, Master, News, Rules},
    native::Native,
    server::{Links, Server, Settings},
    servers::{Listed, Servers},
    settings::TeeworldsSettings,
};

/// The game under which servers are published by default: that of the list of `DDNet`, whose
/// servers speak this protocol too.
const GAME: &str = "ddnet";

/// The name of the protocol in records of the registry.
const PROTOCOL: &str = "teeworlds";

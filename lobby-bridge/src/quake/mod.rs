//! The master servers of Quake and the games that came of it. [`Dialect`] says in which protocol:
//! that of Quake III and DarkPlaces, `docs/specifications/quake3-master.md`, or that of
//! `QuakeWorld`, `docs/specifications/quakeworld-master.md`.
//!
//! ```text
//!  game server ──heartbeat──▶ Master ──getinfo──▶ game server ──infoResponse──▶ Master: listed
//!  game client ──getservers─▶ Master ──getserversResponse──▶ game client
//!                              ▲ └──▶ publish: its servers, for the registry
//!                              └───── follow: servers of the registry, for its clients
//! ```
//!
//! [`Master`] is the pure part: datagrams in, errands and listings out. It keeps [`Servers`] and
//! the challenges of those that are not proved yet. A [`message`](message::Message) is what comes, a
//! [`request`] what a client wants, [`info`] what a server says of itself; [`answer`] writes lists,
//! [`games`] says which game is which, [`listing`] turns servers into records of the registry and
//! back. What only one dialect says is in the module of its name, such as [`quake3`].

pub mod answer;
mod dialect;
mod errands;
pub mod games;
pub mod info;
mod limits;
pub mod listing;
mod lobby;
pub mod message;
mod pending;
pub mod quake3;
mod quakeworld;
pub mod request;
mod server;
mod servers;
mod settings;
#[cfg(test)]
mod tests;

pub use self::{
    dialect::Dialect,
    limits::Limits,
    listing::{Native, NativeChange},
    lobby::{Errand, Master, News, Rules},
    server::{Links, Server, Settings},
    servers::{Listed, Servers},
    settings::QuakeSettings,
};

//! The master server of Quake III, DarkPlaces and the games made from them:
//! `docs/specifications/quake3-master.md`; and that of `QuakeWorld`, which differs in what is said:
//! `docs/specifications/quakeworld-master.md`.
//!
//! ```text
//!  game server ──heartbeat──▶ Master ──getinfo──▶ game server ──infoResponse──▶ Master: listed
//!  game client ──getservers─▶ Master ──getserversResponse──▶ game client
//!                              ▲ └──▶ publish: its servers, for the registry
//!                              └───── follow: servers of the registry, for its clients
//! ```
//!
//! [`Master`] is the pure part: datagrams in, errands and listings out. It keeps [`Servers`] and
//! the challenges of those that are not proved yet. [`message`] reads what comes, [`request`] what
//! a client wants, [`info`] what a server says of itself; [`answer`] writes lists, [`games`] says
//! which game is which, [`Dialect`] what
//! `QuakeWorld` says differently, [`listing`] turns servers into records of the registry and back.

pub mod addresses;
pub mod answer;
mod dialect;
mod errands;
mod flood;
pub mod games;
pub mod info;
mod limits;
pub mod listing;
mod lobby;
pub mod message;
mod pending;
mod quakeworld;
pub mod request;
mod saved;
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
    saved::Saved,
    server::{Links, Server, Settings},
    servers::{Listed, Servers},
    settings::Quake3Settings,
};

//! The master servers of Quake and the games that came of it. [`Dialect`] says in which protocol:
//! that of Quake III and DarkPlaces (`docs/specifications/quake3-master.md`), `QuakeWorld`
//! (`docs/specifications/quakeworld-master.md`), Quake II (`docs/specifications/quake2-master.md`),
//! or `GoldSrc` and Xash3D (`docs/specifications/goldsrc-master.md`).
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
pub mod goldsrc;
pub mod info;
mod limits;
pub mod listing;
mod lists;
mod lobby;
pub mod message;
mod pending;
mod proof;
mod quake2;
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

//! Tasks and sockets: what all legacy protocols have in common.
//!
//! ```text
//!  listener ─▶ Entrance ─▶ connection ──frames, by Manners──▶ events ─▶ ┌───────┐
//!                              ▲                                        │ Owner │ ◀─ News
//!                              └── Outbox ◀──────────────────── effects ┤ Lobby │
//!                                            listings ◀──────── effects ┤       │
//!                                            Errands  ◀──────── effects └───────┘
//! ```
//!
//! A protocol provides the pure parts: a [`Lobby`], which turns events into effects, and `Manners`,
//! which turns the bytes of one connection into events and says how long it may be silent. The rest
//! is here: `Server` listens, admits connections in fair shares (`Entrance`) and shuts down in
//! order; `serve` handles one connection; `Owner` is the handle of the one task that has the
//! lobby's state. `Inbox`, `Outbox` and `Pace` bound what peers may hold, send and leave unread.
//!
//! **Datagrams.** The owner knows nothing of streams: to it a peer is a [`ConnectionId`] and an
//! `Outlet`. A protocol over UDP gives each remote address an id when its first datagram arrives
//! (`Owner::announce`, `Owner::enter`), passes each datagram to the owner as an event, and drops
//! the `Farewell` once the address has been silent for long enough. Its outlet sends one datagram
//! per message, or drops the message where an `Outbox` would overflow, and never fails.
//!
//! **HTTP.** A request is a peer that says one thing. Its handler announces the peer, waits until
//! the owner has executed the request (`Owner::said`), takes the answer out of the `Outbox`, and
//! ends. Anything that a lobby has to send elsewhere, such as a challenge over UDP, is an errand.

mod accept;
mod crowd;
mod entrance;
mod errands;
mod host;
mod inbox;
mod lobby;
mod manners;
mod outbox;
mod owner;
mod pace;
mod pulse;
mod server;
mod stream;
#[cfg(test)]
mod tests;

use std::{fmt, io, net::SocketAddr};

use metaserve::program;
use tokio::net::TcpListener;

pub(crate) use self::{
    accept::{Trouble, accept},
    crowd::Crowd,
    entrance::{Admitted, Entrance, Place, unless_lost},
    errands::Errands,
    host::host,
    inbox::{Inbox, ReadError, ended},
    manners::{Goodbye, Manners, Said, Verdict},
    owner::{Means, Owner},
    pace::Pace,
    server::{Arrival, Door, Server, Serving, seed},
    stream::{Bounds, Connection, Shared, serve},
};
pub use self::{
    lobby::{Chore, Effect, Effects, Ends, Lobby, Standing},
    pulse::Pulse,
    server::ListenError,
};

/// A peer, such as a TCP connection. Later peers have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Listens on TCP. `[::]` means both address families, or IPv4 on a system without IPv6.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(program::listen::tcp(address)?)
}

//! Tasks and sockets of every legacy protocol: what is the same whatever is spoken.
//!
//! ```text
//!  listener ─▶ Entrance ─▶ connection ──frames, by Manners──▶ events ─▶ ┌───────┐
//!                              ▲                                        │ Owner │ ◀─ News
//!                              └── Outbox ◀──────────────────── effects ┤ Lobby │
//!                                            listings ◀──────── effects ┤       │
//!                                            Errands  ◀──────── effects └───────┘
//! ```
//!
//! A protocol brings what is pure: a [`Lobby`], which turns events into effects, and `Manners`,
//! which turn the bytes of one connection into events and say how long it may be silent. The rest
//! is here: `Server` listens, admits by fair shares (`Entrance`) and ends in order; `serve`
//! is one connection; `Owner` is the one task that has the lobby's state. What peers may hold,
//! send and leave unread is bounded by `Inbox`, `Outbox` and `Pace`.
//!
//! **Datagrams.** The owner knows nothing of streams: a peer is a [`ConnectionId`] and an
//! `Outlet`. A protocol over UDP gives each remote address an id when its first datagram arrives
//! (`Owner::announce`, `Owner::enter`), tells the owner each datagram as an event, and drops
//! the `Farewell` once the address has been silent for long enough. Its outlet sends a datagram
//! for each message, or drops it where an `Outbox` would overflow, and never fails.
//!
//! **HTTP.** A request is a peer that says one thing: its handler announces it, waits until it has
//! been said (`Owner::said`), takes the answer out of its `Outbox`, and is gone. What a lobby has
//! to send elsewhere, such as a challenge over UDP, is an errand.

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

/// A peer, such as a TCP connection; later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Listens on TCP; on `[::]` for both families, and on a system without IPv6 for IPv4.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(program::listen::tcp(address)?)
}

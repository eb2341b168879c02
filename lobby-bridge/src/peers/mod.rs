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
//! **Datagrams.** A datagram is not from a peer that enters and leaves: it is news. `Datagrams` binds
//! sockets, and tells the owner of each datagram together with its `Way`. Answers are errands, which
//! a `Post` carries out: it sends one datagram at once, or a long answer in its turn. Whatever there
//! is no room for is dropped and counted. A lobby answers unproved addresses with less than they
//! have sent, or counts what it answers by address.
//!
//! **HTTP.** A request is a peer that says one thing. Its handler announces the peer, waits until
//! the owner has executed the request (`Owner::said`), takes the answer out of the `Outbox`, and
//! ends. Anything that a lobby has to send elsewhere, such as a challenge over UDP, is an errand.

mod accept;
mod addresses;
mod crowd;
mod datagram_server;
mod datagrams;
mod entrance;
mod errands;
mod flood;
mod host;
mod inbox;
mod lobby;
mod manners;
mod outbox;
mod owner;
mod pace;
mod pulse;
pub(crate) mod saved;
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
    datagram_server::{Correspondence, DatagramServer},
    datagrams::Post,
    entrance::{Admitted, Entrance, Place, unless_lost},
    errands::Errands,
    flood::Flood,
    host::host,
    inbox::{Inbox, ReadError, ended},
    manners::{Goodbye, Manners, Said, Verdict},
    outbox::Outbox,
    owner::{Desk, Means, Owner},
    pace::Pace,
    pulse::{Heart, pulse},
    server::{Arrival, Door, Server, Serving, seed},
    stream::{Bounds, Connection, Shared, serve},
};
pub use self::{
    addresses::{Addresses, Mapping, Reach},
    datagrams::Way,
    flood::Allowance,
    lobby::{Chore, Effect, Effects, Ends, Lobby, Standing},
    pulse::Pulse,
    saved::Saved,
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

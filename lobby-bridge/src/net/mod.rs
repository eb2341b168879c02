//! What the servers of all legacy protocols have in common: bounds for what peers may hold, send
//! and leave unread.

mod accept;
mod entrance;
mod host;
mod inbox;
mod outbox;
mod pace;
mod pulse;

use std::{fmt, io, net::SocketAddr};

use metaserve::program;
use tokio::{net::TcpListener, time::Instant};

pub use self::pulse::Pulse;
pub(crate) use self::{
    accept::{Trouble, accept},
    entrance::{Admitted, Entrance, Place, unless_lost},
    host::host,
    inbox::{Inbox, ended},
    outbox::Outbox,
    pace::Pace,
    pulse::{Heart, pulse},
};

/// A TCP connection; later ones have larger ids.
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

/// The time, for tasks to give to what is pure.
#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

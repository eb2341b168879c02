//! A server of the list.

use super::{Claims, Origin};
use crate::{Fingerprint, Game};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc, time::SystemTime};

/// A server as clients see it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The registry's number for it, never given to another server.
    pub number: u64,
    /// Its game, addresses and identity.
    pub placement: Arc<Placement>,
    /// The latest of its heartbeats.
    pub heartbeat: Bytes,
    /// When that came, by this machine's clock.
    pub updated: SystemTime,
    /// Which member of the cluster it is connected to. Clients do not see this.
    pub origin: Origin,
}

impl Server {
    /// Whether the two look the same to clients, which do not see when a heartbeat came.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        self.number == other.number
            && self.placement == other.placement
            && self.heartbeat == other.heartbeat
    }
}

/// A server's game, addresses and identity: what seldom changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The game it belongs to.
    pub game: Game,
    /// Where players join: the IPv4 address, if it has one.
    pub address: SocketAddr,
    /// Where they can join as well: the IPv6 address of a server that has both.
    pub second_address: Option<SocketAddr>,
    /// The fingerprint of its certificate, if it has presented one.
    pub identity: Option<Fingerprint>,
    /// In what members of a cluster tell each other, the claims of its addresses. Clients do not
    /// see them.
    pub claims: Claims,
}

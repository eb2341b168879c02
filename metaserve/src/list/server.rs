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

/// Whom a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Clients: they do not see claims.
    Clients,
    /// The other members of a cluster.
    Members,
}

impl Server {
    /// Whether the two look the same. Nobody sees when a heartbeat came.
    pub(crate) fn looks_like(&self, other: &Self, readers: Readers) -> bool {
        self.number == other.number
            && self.is_placed_like(other, readers)
            && self.heartbeat == other.heartbeat
    }

    /// Whether the two are alike but for their heartbeats.
    pub(crate) fn is_placed_like(&self, other: &Self, readers: Readers) -> bool {
        let (one, two) = (&*self.placement, &*other.placement);
        std::ptr::eq(one, two)
            || one.game == two.game
                && one.address == two.address
                && one.second_address == two.second_address
                && one.identity == two.identity
                && one.by == two.by
                && (readers == Readers::Clients || one.claims == two.claims)
    }
}

/// How a server comes to the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// By a connection over QUIC, its own or a relay's. The identity is proven by a certificate.
    #[default]
    Quic,
    /// By announcements over HTTP. The identity is the daemon's word: players cannot verify it.
    Http,
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
    /// How it comes to the list. Clients over QUIC do not see this.
    pub by: By,
    /// In what members of a cluster tell each other, the claims of its addresses. Clients do not
    /// see them.
    pub claims: Claims,
}

impl Placement {
    /// Whether two statements are about the same row of a merged list: they have the same identity,
    /// or none and the same address.
    pub(crate) fn is_in_row_of(&self, other: &Self) -> bool {
        self.identity == other.identity
            && (self.identity.is_some() || self.game == other.game && self.address == other.address)
    }
}

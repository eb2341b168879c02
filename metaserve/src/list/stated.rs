//! What a member of a cluster says about a server that is connected to it.

use super::{By, Claims, Origin, Placement, Server};
use crate::{Fingerprint, Game};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc, time::SystemTime};

/// One server as its owner, the member that it is connected to, states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The owner's number for it.
    pub number: u64,
    /// The game that it belongs to.
    pub game: Game,
    /// Where players join: the IPv4 address, if it has one.
    pub address: SocketAddr,
    /// Where they can join as well: the IPv6 address of a server that has both.
    pub second_address: Option<SocketAddr>,
    /// The fingerprint of its certificate, if it has presented one to its owner.
    pub identity: Option<Fingerprint>,
    /// How it comes to its owner's list.
    pub by: By,
    /// One for each address.
    pub claims: Claims,
    /// The latest of its heartbeats. It should own its bytes: a part of a long message keeps all
    /// of that in memory.
    pub heartbeat: Bytes,
}

impl Stated {
    /// The server, as it was stated at this time.
    pub(crate) fn into_server(self, origin: Origin, updated: SystemTime) -> Server {
        let placement = Placement {
            game: self.game,
            address: self.address,
            second_address: self.second_address,
            identity: self.identity,
            by: self.by,
            claims: self.claims,
        };
        Server {
            number: self.number,
            placement: Arc::new(placement),
            heartbeat: self.heartbeat,
            updated,
            origin,
        }
    }
}

impl From<Server> for Stated {
    fn from(server: Server) -> Self {
        let placement = &server.placement;
        Self {
            number: server.number,
            game: placement.game.clone(),
            address: placement.address,
            second_address: placement.second_address,
            identity: placement.identity,
            by: placement.by,
            claims: placement.claims,
            heartbeat: server.heartbeat,
        }
    }
}

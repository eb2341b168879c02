//! What a legacy protocol is to the bridge: something that is opened, and then serves.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use futures::future::BoxFuture;
use metaserve::{ConnectError, Connector, Fingerprint, Role, Trust, program::Vital};
use tokio_util::sync::CancellationToken;

use crate::{bans::Guard, peers::Pulse, publish::Listings};

/// Why a protocol cannot be opened.
pub type OpenError = Box<dyn Error + Send + Sync>;

/// A legacy protocol that is to run: its settings, complete and possible.
pub trait Protocol: Send + Sync {
    /// Where it listens: what `check` tries.
    fn listens(&self) -> Vec<SocketAddr>;

    /// Opens its sockets, and whatever else it needs. Nobody is served yet, and nothing is left
    /// open when it is dropped.
    ///
    /// # Errors
    /// Something cannot be opened.
    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>>;
}

/// A protocol that is open.
pub trait Opened: Send {
    /// Whether its lobby works, once it serves.
    fn pulse(&self) -> Pulse;

    /// Says what is open, and serves in tasks of `vital` until `closing` is cancelled.
    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken);
}

/// What all protocols of a bridge share.
#[derive(Clone, Debug)]
pub struct House {
    /// Who may not come in.
    pub bans: Guard,
    /// Where open games are put, for the registry.
    pub listings: Listings,
    /// Where files of the bridge's own are.
    pub state_dir: PathBuf,
    /// The daemon that games are published at, if they are.
    pub registry: Option<Registry>,
}

/// The daemon, for protocols that show its list to their players.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its address, `HOST:PORT`.
    pub daemon: String,
    /// How to know it.
    pub trust: Trust,
    /// Who publishes the bridge's own games there.
    pub bridge: Fingerprint,
}

impl Registry {
    /// Connects to the list.
    ///
    /// # Errors
    /// The daemon's name or the trust in it is of no use.
    pub fn connector(&self) -> Result<Connector, ConnectError> {
        Connector::new(Role::Client, &self.daemon, &self.trust, None)
    }
}

//! The interface of a legacy protocol to the bridge: it is opened, and then it serves.

use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use metaserve::{ConnectError, Fingerprint, Game, ServerInfo, Trust, program::Vital};
use metaserve_client::{Connector, Server};
use tokio_util::sync::CancellationToken;

use crate::{
    bans::Guard,
    follow::{Follower, Natives, follow},
    metrics::Metrics,
    peers::Pulse,
    publish::{Listings, goes_first, is_marked, is_marked_of},
    web::Sites,
};

/// Why a protocol cannot be opened.
pub type OpenError = Box<dyn Error + Send + Sync>;

/// A legacy protocol that is enabled: its settings, complete and valid.
pub trait Protocol: fmt::Debug + Send + Sync {
    /// Returns the addresses that it listens on for connections. `check` tries them.
    fn listens(&self) -> Vec<SocketAddr>;

    /// Returns the addresses that it listens on for datagrams. `check` tries them. By default there
    /// are none.
    fn listens_for_datagrams(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// Describes other things that it needs, such as a certificate, in lines for `check`. Opens
    /// nothing, and makes no files. By default it needs nothing else.
    ///
    /// # Errors
    /// One of them cannot be used.
    fn described(&self, _state_dir: &Path) -> Result<String, OpenError> {
        Ok(String::new())
    }

    /// Opens its sockets and everything else that it needs. Nobody is served yet, and dropping the
    /// result closes everything.
    ///
    /// # Errors
    /// Something cannot be opened.
    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>>;
}

/// A protocol that is open.
pub trait Opened: Send {
    /// Returns a handle that checks that its lobby works, once it serves.
    fn pulse(&self) -> Pulse;

    /// Logs what is open, and serves in tasks of `vital` until `closing` is cancelled.
    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken);
}

/// The things that all protocols of a bridge share.
#[derive(Clone, Debug)]
pub struct House {
    /// The banned addresses.
    pub bans: Guard,
    /// Where open games are added, for the registry.
    pub listings: Listings,
    /// The directory of the bridge's own files.
    pub state_dir: PathBuf,
    /// The daemons that games are published to, if there are any.
    pub registry: Option<Registry>,
    /// Where paths are added that are served over HTTP.
    pub web: Sites,
    /// Where everything is counted.
    pub metrics: Metrics,
}

/// The daemons, for protocols that show the list of one of them to their players.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Their addresses, `HOST:PORT`.
    pub daemons: Vec<String>,
    /// How to verify them.
    pub trust: Trust,
    /// The identity under which the bridge's own games are published.
    pub bridge: Fingerprint,
    /// The listings of which those are held back whose servers others publish; `None` if the bridge
    /// publishes to several lists, of which it follows only one.
    pub held_back: Option<Listings>,
}

impl Registry {
    /// Follows the servers of the list that others publish, and that `read` can show: those of
    /// `game`, or of all games, of which `read` then chooses. See [`follow()`].
    ///
    /// # Errors
    /// A daemon's name or the trust in it cannot be used.
    pub fn follow<T: Clone + Eq>(
        &self,
        game: Option<Game>,
        read: impl Fn(&Server, &ServerInfo) -> Option<T> + Send + Sync + 'static,
        tells: fn(&T, &T) -> bool,
    ) -> Result<(Natives<T>, Follower<T>), ConnectError> {
        let bridge = self.bridge;
        self.follow_unless(move |info| is_marked(info, &bridge), game, read, tells)
    }

    /// The same, with those that this bridge publishes for other protocols than `protocol`: lists
    /// of one game show each other's servers.
    ///
    /// # Errors
    /// A daemon's name or the trust in it cannot be used.
    pub fn follow_others<T: Clone + Eq>(
        &self,
        protocol: &'static str,
        game: Option<Game>,
        read: impl Fn(&Server, &ServerInfo) -> Option<T> + Send + Sync + 'static,
        tells: fn(&T, &T) -> bool,
    ) -> Result<(Natives<T>, Follower<T>), ConnectError> {
        let bridge = self.bridge;
        let ours = move |info: &_| is_marked_of(info, &bridge, protocol);
        self.follow_unless(ours, game, read, tells)
    }

    fn follow_unless<T: Clone + Eq>(
        &self,
        ours: impl Fn(&ServerInfo) -> bool + Send + Sync + 'static,
        game: Option<Game>,
        read: impl Fn(&Server, &ServerInfo) -> Option<T> + Send + Sync + 'static,
        tells: fn(&T, &T) -> bool,
    ) -> Result<(Natives<T>, Follower<T>), ConnectError> {
        let connector = Connector::to_one_of(&self.daemons).trust(self.trust.clone());
        connector.ready()?;
        let read = move |server: &Server| {
            let info = ServerInfo::from_json(&server.heartbeat)?;
            (!ours(&info)).then(|| read(server, &info)).flatten()
        };
        let (natives, follower) = follow(connector, game, read, tells);
        let Some(listings) = &self.held_back else {
            return Ok((natives, follower));
        };
        let bridge = self.bridge;
        let is_other = move |server: &Server| {
            let info = ServerInfo::from_json(&server.heartbeat);
            info.is_none_or(|info| goes_first(&info, &bridge))
        };
        Ok((natives, follower.stating(listings.others(), is_other)))
    }
}

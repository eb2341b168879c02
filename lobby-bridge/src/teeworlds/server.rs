//! A running master: how its parts are put together.

use std::{net::SocketAddr, path::PathBuf};

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use metaserve::{
    Fingerprint, Game,
    program::{Stopped, Vital},
};
use metaserve_client::Server as Registered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    GAME, PROTOCOL,
    errands::Errands,
    listing,
    lobby::{Master, News, Rules},
    native::{Native, native},
};
use crate::{
    bans::Guard,
    follow::{Follower, Natives},
    metrics::Tally,
    peers::{self, Correspondence, DatagramServer, ListenError, Means, Owner, Pulse, saved},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listings,
};

/// Datagrams that wait for the master, with 2 KiB each at most.
const QUEUED: usize = 4_096;

/// The file of servers in the state directory.
const FILE: &str = "teeworlds-servers";

/// The settings of a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens. `[::]` means all addresses of both families, port 0 any free port. Checks
    /// come from a second socket at a free port of each address.
    pub listen: Vec<SocketAddr>,
    /// The game under which its servers are published, and whose servers its clients are shown.
    pub game: Game,
    /// The operator's choices.
    pub rules: Rules,
}

impl Default for Settings {
    /// Listens nowhere.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            game: Game::new(GAME).expect("a valid tag"),
            rules: Rules::default(),
        }
    }
}

/// A master that listens, but answers nobody until it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    links: Links,
    server: DatagramServer,
    seed: [u8; 32],
}

/// The services that a master uses in addition to its own sockets.
#[derive(Debug, Default)]
pub struct Links {
    /// The banned addresses.
    pub bans: Guard,
    /// Where it adds its servers, for the registry.
    pub listings: Listings,
    /// The servers of the registry that it shows, if it shows any.
    pub natives: Option<Natives<Native>>,
    /// The identity under which its servers are published.
    pub bridge: Option<Fingerprint>,
    /// What counts its peers.
    pub tally: Tally,
    /// The file in which it keeps its servers over a restart, if it does.
    pub saved: Option<PathBuf>,
}

impl Server {
    /// Listens as `settings` say. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn bind(settings: Settings, links: Links) -> Result<Self, ListenError> {
        Ok(Self {
            server: DatagramServer::open_pairs(&settings.listen)?,
            settings,
            links,
            seed: peers::seed()?,
        })
    }

    /// Returns the addresses that are listened on, with the ports that the system chose for port 0.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.server.local_addresses()
    }

    /// Serves until `shutdown` is cancelled. Peers are told nothing: they do not know connections.
    ///
    /// # Errors
    /// A task that the master cannot do without has failed.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let Self {
            settings,
            links,
            server,
            seed,
        } = self;
        let last_run = links.saved.as_deref().map(saved::load).unwrap_or_default();
        let tally = links.tally.clone();
        let (sender, texts) = watch::channel(String::new());
        let keep = async move {
            match links.saved {
                Some(file) => saved::keep(file, texts, tally).await,
                None => std::future::pending().await,
            }
        };
        let (owner, desk) = Owner::new(QUEUED);
        let last_run = stream::once(async move { News::Saved(last_run) });
        let bans = links.bans.changes().map(News::Bans);
        let bans = bans.chain(stream::pending());
        let outside = stream::select(bans, natives(links.natives));
        let (bridge, game) = (links.bridge, settings.game);
        let serving = Correspondence {
            owner,
            desk,
            means: Means {
                lobby: Master::new(settings.rules, seed).counting(links.tally.clone()),
                errands: Errands {
                    post: server.post(),
                    saved: sender,
                    tally: links.tally.clone(),
                },
                tally: links.tally,
                news: last_run.chain(outside).boxed(),
                protocol: PROTOCOL,
                listings: links.listings,
                listing: Box::new(move |listed| {
                    Some(listing::listing(&game, listed, bridge.as_ref()))
                }),
            },
            bans: links.bans,
            news: News::Datagram,
        };
        tokio::select! {
            stopped = server.run(serving, shutdown) => stopped,
            // It never completes.
            () = keep => Ok(()),
        }
    }
}

fn natives(natives: Option<Natives<Native>>) -> impl Stream<Item = News> + Send + 'static {
    let changes = stream::iter(natives).flat_map(Natives::numbered);
    changes.map(News::Natives).chain(stream::pending())
}

/// A master that listens, and the task that follows the registry for it.
struct Ready {
    server: Server,
    natives: Option<Follower<Native>>,
}

impl Protocol for Settings {
    fn listens(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    fn listens_for_datagrams(&self) -> Vec<SocketAddr> {
        self.listen.clone()
    }

    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>> {
        async { Ok(Box::new(self.ready(house)?) as Box<dyn Opened>) }.boxed()
    }
}

impl Settings {
    fn ready(&self, house: &House) -> Result<Ready, OpenError> {
        let registry = house.registry.as_ref();
        let tally = house.metrics.tally(PROTOCOL);
        let followed = registry.map(|registry| {
            let addresses = self.rules.addresses.clone();
            let read =
                move |server: &Registered, info: &_| native(&server.addresses, info, &addresses);
            registry.follow_others(PROTOCOL, Some(self.game.clone()), read, Native::eq)
        });
        let (natives, follower) = followed.transpose()?.unzip();
        let links = Links {
            bans: house.bans.clone(),
            listings: house.listings.clone(),
            natives,
            bridge: registry.map(|registry| registry.bridge),
            tally: tally.clone(),
            saved: Some(house.state_dir.join(FILE)),
        };
        Ok(Ready {
            server: Server::bind(self.clone(), links)?,
            natives: follower.map(|it| it.counting(tally)),
        })
    }
}

impl Opened for Ready {
    fn pulse(&self) -> Pulse {
        self.server.server.pulse()
    }

    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken) {
        let addresses = self.server.local_addresses();
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(",");
        tracing::info!(address = %addresses, "the Teeworlds master is open");
        let serve = self.server.run(closing.clone());
        vital.spawn(format!("the Teeworlds master at {addresses}"), serve);
        if let Some(natives) = self.natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn("following the registry for the Teeworlds master", follow);
        }
    }
}

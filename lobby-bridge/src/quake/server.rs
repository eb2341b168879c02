//! A running master: how its parts are put together.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use metaserve::{
    Fingerprint,
    program::{Stopped, Vital},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    errands::Errands,
    listing::{self, Native, NativeChange},
    lobby::{Master, News, Rules},
};
use crate::{
    bans::Guard,
    follow::{Change, Follower, Natives},
    metrics::Tally,
    peers::{self, Correspondence, DatagramServer, ListenError, Means, Owner, Pulse, saved},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listings,
};

/// Datagrams that wait for the master, with 2 KiB each at most.
const QUEUED: usize = 4_096;

/// The settings of a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens. `[::]` means all addresses of both families, port 0 any free port.
    pub listen: Vec<SocketAddr>,
    /// The operator's choices.
    pub rules: Rules,
}

/// A master that listens, but answers nobody until it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    rules: Rules,
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
            rules: settings.rules,
            links,
            server: DatagramServer::open(&settings.listen)?,
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
            rules,
            links,
            server,
            seed,
        } = self;
        let last_run = links.saved.as_deref().map(saved::load).unwrap_or_default();
        let (sender, texts) = watch::channel(String::new());
        let tally = links.tally.clone();
        let keep = async move {
            match links.saved {
                Some(file) => saved::keep(file, texts, tally).await,
                None => std::future::pending().await,
            }
        };
        let (owner, desk) = Owner::new(QUEUED);
        let last_run = stream::once(async move { News::Saved(last_run) });
        let outside = stream::select(bans(&links.bans), natives(links.natives));
        let (bridge, dialect) = (links.bridge, rules.dialect);
        let serving = Correspondence {
            owner,
            desk,
            means: Means {
                lobby: Master::new(rules, seed).counting(links.tally.clone()),
                errands: Errands {
                    post: server.post(),
                    saved: sender,
                    tally: links.tally.clone(),
                },
                tally: links.tally,
                news: last_run.chain(outside).boxed(),
                protocol: dialect.name(),
                listings: links.listings,
                listing: Box::new(move |listed| {
                    Some(listing::listing(dialect, listed, bridge.as_ref()))
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

fn bans(guard: &Guard) -> impl Stream<Item = News> + Send + 'static {
    guard.changes().map(News::Bans).chain(stream::pending())
}

fn natives(natives: Option<Natives<Native>>) -> impl Stream<Item = News> + Send + 'static {
    let changes = stream::iter(natives).flat_map(Natives::changes);
    let (mut numbers, mut last) = (HashMap::new(), 0);
    let numbered = changes.map(move |changes| {
        let number = |change| match change {
            Change::Show(id, native) => {
                let number = *numbers.entry(id).or_insert_with(|| {
                    last += 1;
                    last
                });
                Some(NativeChange::Show(number, native))
            }
            Change::Withdraw(id) => numbers.remove(&id).map(NativeChange::Withdraw),
        };
        News::Natives(changes.into_iter().filter_map(number).collect())
    });
    numbered.chain(stream::pending())
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
        let tally = house.metrics.tally(self.rules.dialect.name());
        let registry = house.registry.as_ref();
        let followed = registry.map(|registry| {
            let Rules {
                dialect,
                games,
                addresses,
                ..
            } = self.rules.clone();
            let read = move |server: &_, info: &_| {
                listing::native(dialect, server, info, &games, &addresses)
            };
            registry.follow(None, read, Native::eq)
        });
        let (natives, follower) = followed.transpose()?.unzip();
        let links = Links {
            bans: house.bans.clone(),
            listings: house.listings.clone(),
            natives,
            bridge: registry.map(|registry| registry.bridge),
            tally: tally.clone(),
            saved: Some(
                house
                    .state_dir
                    .join(format!("{}-servers", self.rules.dialect.name())),
            ),
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
        let title = self.server.rules.dialect.speech().title();
        tracing::info!(address = %addresses, "the {title} master is open");
        let serve = self.server.run(closing.clone());
        vital.spawn(format!("the {title} master at {addresses}"), serve);
        if let Some(natives) = self.natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn(
                format!("following the registry for the {title} master"),
                follow,
            );
        }
    }
}

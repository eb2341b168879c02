//! A running hall: how its parts are put together.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use futures::{FutureExt, Stream, StreamExt, stream};
use metaserve::{Fingerprint, program::Stopped, time::now};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    errands::Errands,
    event::{Event, Gate, Native, News},
    hall::Hall,
    limits::Limits,
    manners::Manners,
    published,
    rules::{RoomRules, Rules},
    secrets::Secrets,
};
use crate::{
    accounts::Accounts,
    bans::Guard,
    follow::Natives,
    metrics::Tally,
    peers::{self, Arrival, Bounds, Door, Entrance, ListenError, Means, Owner, Pulse, Serving},
    publish::Listings,
};

/// The settings of a hall.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the login daemon listens. Aleph One always connects to port 6321.
    pub login: SocketAddr,
    /// Where each room of the rules listens, in their order. Port 0 means any free port.
    pub rooms: Vec<SocketAddr>,
    /// The operator's choices.
    pub rules: Rules,
}

impl Default for Settings {
    /// Login at port 6321 and one room at 6335 of all addresses.
    fn default() -> Self {
        Self {
            login: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 6321)),
            rooms: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 6335))],
            rules: Rules::default(),
        }
    }
}

/// The services that a hall uses in addition to its own sockets.
#[derive(Debug)]
pub struct Links {
    /// The accounts. Without them, only guests can log in.
    pub accounts: Option<Accounts>,
    /// The banned addresses.
    pub bans: Guard,
    /// Where it adds its games, for the registry.
    pub listings: Listings,
    /// The servers of the registry that it shows as games, if it shows any.
    pub natives: Option<Natives<Native>>,
    /// The identity under which its games are published.
    pub bridge: Option<Fingerprint>,
    /// What counts its peers.
    pub tally: Tally,
}

/// A hall that listens, but serves nobody until it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    rules: Rules,
    links: Links,
    server: peers::Server<Gate>,
    secrets: Secrets,
}

impl Server {
    /// Listens as `settings` say. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn bind(settings: Settings, links: Links) -> Result<Self, ListenError> {
        let Settings {
            login,
            rooms,
            mut rules,
        } = settings;
        while rules.rooms.len() < rooms.len() {
            let number = rules.rooms.len() + 1;
            rules.rooms.push(RoomRules::new(format!("Room {number}")));
        }
        rules.rooms.truncate(rooms.len());
        let mut doors = vec![Door::open(Gate::Login, login)?];
        for (position, address) in rooms.into_iter().enumerate() {
            doors.push(Door::open(Gate::Room(position), address)?);
        }
        Ok(Self {
            rules,
            links,
            server: peers::Server::new(doors),
            secrets: Secrets::from_seed(peers::seed()?),
        })
    }

    /// Returns the addresses that are listened on: the login daemon's, then those of the rooms.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.server.doors.iter().map(|door| door.local).collect()
    }

    /// Returns the names of the rooms, in the order of their addresses.
    pub fn room_titles(&self) -> impl Iterator<Item = &str> {
        self.rules.rooms.iter().map(|room| &room.title[..])
    }

    /// Returns a handle that checks that the hall works once it [runs](Self::run).
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.server.pulse()
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order. That
    /// takes at most twice the time to [linger](super::Limits::linger), and usually no time at all.
    ///
    /// # Errors
    /// A task that the hall cannot do without has failed. Connections have been closed in order in
    /// this case as well.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let ports = self.local_addresses();
        let ports = ports[1..].iter().map(SocketAddr::port).collect();
        let Self {
            rules,
            links,
            server,
            secrets,
        } = self;
        let limits = rules.limits.clone();
        let linger = limits.linger;
        let (owner, desk) = Owner::new(limits.logins + limits.seats);
        let (errands, bridge) = (TaskTracker::new(), links.bridge);
        let serving = Serving {
            means: Means {
                lobby: Hall::new(rules, ports, secrets),
                errands: Errands::new(
                    links.accounts.clone(),
                    links.bans.clone(),
                    owner.clone(),
                    errands.clone(),
                    limits.hub_time,
                ),
                news: stream::select(bans(&links.bans), natives(links.natives)).boxed(),
                protocol: "aleph_one",
                listings: links.listings,
                listing: Box::new(move |game| published::listing(game, bridge.as_ref())),
                tally: links.tally,
            },
            owner,
            desk,
            bans: links.bans,
            bounds: Bounds {
                queued_bytes: limits.queued_bytes,
                bytes: (limits.burst_bytes, limits.bytes_per_second),
                frames: (limits.burst_packets, limits.packets_per_second),
                linger,
            },
            // The places of its doors are the limit.
            connections: Semaphore::MAX_PERMITS,
            entrance: entrances(&limits),
            span: |it: &Arrival<Gate>| tracing::info_span!("myth", gate = ?it.gate, client = %it.who, peer = %it.peer),
            receive: Arc::new(move |arrival, shared| {
                receive(arrival, shared, limits.clone()).boxed()
            }),
        };
        let stopped = server.run(serving, shutdown).await;
        errands.close();
        let _ = tokio::time::timeout(linger, errands.wait()).await;
        if let Some(accounts) = links.accounts {
            accounts.flush(linger).await;
        }
        stopped
    }
}

/// The current bans, and then all later ones.
fn bans(guard: &Guard) -> impl Stream<Item = News> + Send + 'static {
    // The guard ends only with the program.
    guard.changes().map(News::Bans).chain(stream::pending())
}

fn natives(natives: Option<Natives<Native>>) -> impl Stream<Item = News> + Send + 'static {
    let changes = stream::iter(natives).flat_map(Natives::changes);
    changes.map(News::Natives).chain(stream::pending())
}

/// Makes the places of the login daemon, and those that all rooms share.
fn entrances(limits: &Limits) -> Box<dyn Fn(&Gate) -> Entrance + Send> {
    let logins = Entrance::new(
        "Aleph One, logging in (--aleph-one-logins)",
        limits.logins,
        limits.logins_per_host,
    );
    let seats = Entrance::new(
        "Aleph One, in rooms (--aleph-one-connections)",
        limits.seats,
        limits.seats_per_host,
    );
    Box::new(move |gate| match gate {
        Gate::Login => logins.clone(),
        Gate::Room(_) => seats.clone(),
    })
}

/// Serves one connection until it ends. The reason for the end is logged.
async fn receive(arrival: Arrival<Gate>, shared: Arc<peers::Shared<Errands>>, limits: Limits) {
    let gate = arrival.gate;
    let Some(connection) = peers::Connection::open(arrival, &shared).await else {
        return;
    };
    let entering = match gate {
        Gate::Login => Event::AtLogin(connection.ends),
        Gate::Room(position) => Event::AtRoom(position, connection.ends),
    };
    let manners = Manners::new(gate, &limits, now());
    peers::serve(connection, manners, entering, None).await;
}

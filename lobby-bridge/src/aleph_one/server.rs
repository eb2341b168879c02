//! A hall at work: how its parts are put together.

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
    peers::{self, Arrival, Bounds, Door, Entrance, ListenError, Means, Owner, Pulse, Serving},
    publish::Listings,
};

/// How a hall is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the login daemon listens. Aleph One's players always come to port 6321.
    pub login: SocketAddr,
    /// Where each room of the rules listens, in their order. Port 0 is any free port.
    pub rooms: Vec<SocketAddr>,
    /// What the operator has chosen.
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

/// What a hall uses besides its own sockets.
#[derive(Debug)]
pub struct Links {
    /// Who may log in; without it, only guests may.
    pub accounts: Option<Accounts>,
    /// Who may not come in.
    pub bans: Guard,
    /// Where its games are put, for the registry.
    pub listings: Listings,
    /// The servers of the registry that it shows as games, if it shows any.
    pub natives: Option<Natives<Native>>,
    /// Who publishes its games.
    pub bridge: Option<Fingerprint>,
}

/// A hall that listens, but does not serve before it [runs](Self::run).
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

    /// The addresses that are listened on, the login daemon's first, then those of the rooms.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.server.doors.iter().map(|door| door.local).collect()
    }

    /// What rooms are called, in the order of their addresses.
    pub fn room_titles(&self) -> impl Iterator<Item = &str> {
        self.rules.rooms.iter().map(|room| &room.title[..])
    }

    /// Whether the hall works, once it [runs](Self::run).
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.server.pulse()
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order,
    /// which takes at most twice the time to [linger](super::Limits::linger) and usually none.
    ///
    /// # Errors
    /// A task has failed that the hall cannot do without. Connections have been closed
    /// then as in order.
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
                protocol: "myth",
                listings: links.listings,
                listing: Box::new(move |game| published::listing(game, bridge.as_ref())),
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
            // The places at its doors bound them.
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

/// The bans as they are, and then whenever they change.
fn bans(guard: &Guard) -> impl Stream<Item = News> + Send + 'static {
    let mut bans = guard.subscribe();
    bans.mark_changed();
    // It ends with the program only.
    stream::unfold(bans, async |mut bans| {
        bans.changed().await.ok()?;
        let current = bans.borrow_and_update().clone();
        Some((News::Bans(current), bans))
    })
    .chain(stream::pending())
}

fn natives(natives: Option<Natives<Native>>) -> impl Stream<Item = News> + Send + 'static {
    let changes = stream::iter(natives).flat_map(Natives::changes);
    changes.map(News::Natives).chain(stream::pending())
}

/// The places at the login daemon, and those of all rooms together.
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

/// Serves one connection to its end. What ends it is the peer's business, and logged.
async fn receive(arrival: Arrival<Gate>, shared: Arc<peers::Shared<Errands>>, limits: Limits) {
    let (gate, _place) = (arrival.gate, arrival.place);
    let peer = arrival.peer.ip();
    let opened = peers::Connection::open(arrival.stream, peer, arrival.who, &shared);
    let Some(connection) = opened.await else {
        return;
    };
    let entering = match gate {
        Gate::Login => Event::AtLogin(connection.ends),
        Gate::Room(position) => Event::AtRoom(position, connection.ends),
    };
    let manners = Manners::new(gate, &limits, now());
    peers::serve(connection, manners, entering, None).await;
}

//! A running lobby: how its parts are put together, and how the first frame of a connection decides
//! what it is.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use metaserve::{
    bans::Ban,
    program::{Stopped, Vital},
    time::now,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{io::AsyncWriteExt, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    codec::take_frame,
    handshake::is_pipe,
    limits::Limits,
    listing::listing,
    lobby::{Event, Lobby, Rules},
    manners::{self, Manners},
    message::Message,
    pipes::{self, Connection, Pairing, Pipes, Shared},
    uuid::Uuids,
};
use crate::{
    bans::Guard,
    metrics::Tally,
    peers::{self, Arrival, Bounds, Door, Entrance, ListenError, Means, Owner, Pulse, Serving},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listings,
};

/// A peer that vanished without closing its connection is noticed after about two minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The settings of a VCMI lobby.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. `[::]` means all addresses of both families; port 0 means any free port.
    pub listen: SocketAddr,
    /// The banned addresses.
    pub bans: Guard,
    /// The addresses at which the bridge is reached from outside. At most one per family is used.
    /// If empty, it is the address that the host of a room connected to.
    pub public_addresses: Vec<IpAddr>,
    /// How often clients are asked for a sign of life (`docs/specifications/vcmi-lobby.md`,
    /// section 13.2).
    pub health_check: Duration,
    /// Whether every user may ask for statistics with `<ROOT>`.
    pub statistics: bool,
    /// The limits.
    pub limits: Limits,
    /// What counts its peers.
    pub tally: Tally,
}

impl Default for Settings {
    /// Port 5002 of all addresses, health checks every 30 s, statistics for everybody.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0; 8], 5002)),
            bans: Guard::none(),
            public_addresses: Vec::new(),
            health_check: Duration::from_secs(30),
            statistics: true,
            limits: Limits::default(),
            tally: Tally::default(),
        }
    }
}

/// A VCMI lobby that listens, but serves nobody until it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    listings: Listings,
    server: peers::Server<()>,
    uuids: Uuids,
}

impl Server {
    /// Listens as `settings` say. Open rooms will be added to `listings`.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn bind(settings: Settings, listings: Listings) -> Result<Self, ListenError> {
        let doors = vec![Door::open((), settings.listen)?];
        Ok(Self {
            settings,
            listings,
            server: peers::Server::new(doors),
            uuids: Uuids::from_seed(peers::seed()?),
        })
    }

    /// Returns the address that is listened on, with the port that the system chose for port 0.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.server.doors[0].local
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order. That
    /// takes at most twice [`linger`](Limits::linger), and usually no time at all.
    ///
    /// # Errors
    /// A task that the lobby cannot do without has failed. Connections have been closed in order
    /// in this case as well.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let Self {
            settings,
            listings,
            server,
            uuids,
        } = self;
        let Settings {
            bans,
            public_addresses,
            limits,
            tally,
            ..
        } = settings;
        let rules = Rules {
            limits: limits.clone(),
            statistics: settings.statistics,
            health_check: settings.health_check,
        };
        let listing_bytes = limits.listing_bytes;
        let connections = limits.capacity + limits.pipes + limits.undecided;
        let (owner, desk) = Owner::new(connections);
        let undecided = Entrance::new(
            "VCMI, half-open (--vcmi-half-open)",
            limits.undecided,
            limits.undecided_per_host,
        );
        let pipes = Arc::new(Pipes {
            places: Entrance::new(
                "VCMI, pipes (--vcmi-pipes)",
                limits.pipes,
                limits.pipes_per_host,
            )
            .counting(tally.metrics()),
            limits: limits.clone(),
        });
        let serving = Serving {
            owner,
            desk,
            means: Means {
                lobby: Lobby::new(rules, uuids),
                errands: Pairing::default(),
                news: stream::pending().boxed(),
                protocol: "vcmi",
                listings,
                listing: Box::new(move |room| listing(room, &public_addresses, listing_bytes)),
                tally,
            },
            bans,
            bounds: Bounds {
                queued_bytes: limits.queued_bytes,
                bytes: (limits.burst_bytes, limits.bytes_per_second),
                frames: (usize::MAX, usize::MAX),
                linger: limits.linger,
            },
            connections,
            entrance: Box::new(move |()| undecided.clone()),
            span: |arrival| tracing::info_span!("vcmi", client = %arrival.who, peer = %arrival.peer),
            receive: Arc::new(move |arrival, shared| {
                receive(arrival, shared, Arc::clone(&pipes)).boxed()
            }),
        };
        server.run(serving, shutdown).await
    }
}

impl Protocol for Settings {
    fn listens(&self) -> Vec<SocketAddr> {
        vec![self.listen]
    }

    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>> {
        let settings = Self {
            bans: house.bans.clone(),
            tally: house.metrics.tally("vcmi"),
            ..self.clone()
        };
        let opened = async {
            let server = Server::bind(settings, house.listings.clone())?;
            Ok(Box::new(server) as Box<dyn Opened>)
        };
        opened.boxed()
    }
}

impl Opened for Server {
    fn pulse(&self) -> Pulse {
        self.server.pulse()
    }

    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken) {
        let (address, capacity) = (self.local_address(), self.settings.limits.capacity);
        tracing::info!(%address, capacity, "the VCMI lobby is open");
        let serve = self.run(closing.clone());
        vital.spawn(format!("the VCMI lobby at {address}"), serve);
    }
}

/// Serves one connection until it ends. The reason for the end is logged.
async fn receive(arrival: Arrival<()>, shared: Arc<Shared>, pipes: Arc<Pipes>) {
    let (accepted, peer, limits) = (now(), arrival.peer.ip(), &pipes.limits);
    let Some(mut connection) = peers::Connection::open(arrival, &shared).await else {
        return;
    };
    // The lobby and the pipes have places of their own.
    connection.place_until_known = true;
    let accepting = Event::Accepted(peer);
    shared.owner.happened(connection.who, accepting).await;
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE_INTERVAL);
    let socket = SockRef::from(connection.write.as_ref());
    if socket.set_tcp_keepalive(&keep_alive).is_err() {
        return;
    }
    let first = connection.inbox.frame(
        |buffer| take_frame(buffer, limits.lobby_frame_bytes),
        |_| Some(accepted + limits.first_frame_time),
    );
    let first = tokio::select! {
        first = first => first,
        () = shared.shutdown.cancelled() => Ok(None),
    };
    match first {
        Ok(Some(first)) if is_pipe(&first) => {
            let deadline = accepted + limits.handshake_time;
            // Pipes have no message that could tell of a ban.
            tokio::select! {
                biased;
                ban = shared.bans.until_banned(peer) => {
                    shared.tally.banned();
                    tracing::info!("pipe closed: {ban} is banned");
                }
                () = pipes::serve(connection, first, deadline, &pipes) => {}
            }
        }
        Ok(Some(first)) => match shared.bans.banned(peer) {
            Some(ban) => turn_away(connection, &ban).await,
            None => {
                let manners = Manners::new(limits, now());
                let entering = Event::Entered {
                    peer,
                    local: connection.ends.local,
                };
                let first = Some(manners::said(first));
                peers::serve(connection, manners, entering, first).await;
            }
        },
        Ok(None) => tracing::debug!("ended before its first frame"),
        Err(error) => {
            tracing::debug!(%error, "closed before its first frame");
            connection.close().await;
        }
    }
}

/// Tells a lobby client that it is banned, and until when.
async fn turn_away(mut connection: Connection, ban: &Ban) {
    tracing::debug!("refused: {ban} is banned");
    connection.shared.tally.banned();
    let text = Message::banned(ban);
    let written = connection.write.write_all(text.as_str().as_bytes());
    // It has as much time to accept this as to read it.
    let written = timeout(connection.shared.bounds.linger, written).await;
    if matches!(written, Ok(Ok(()))) {
        connection.close().await;
    }
}

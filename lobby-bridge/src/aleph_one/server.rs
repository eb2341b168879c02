//! Listening at the login daemon's address and those of the rooms, accepting, and ending in
//! order.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use metaserve::{
    Fingerprint,
    program::{Stopped, Vital},
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    connection::{self, Shared},
    errands::Errands,
    hall::Hall,
    natives::Natives,
    owner::{Means, Owner},
    rules::{RoomRules, Rules},
    secrets::Secrets,
};
use crate::{
    accounts::Accounts,
    bans::Guard,
    net::{
        Admitted, ConnectionId, Entrance, Heart, Pulse, Trouble, accept, listen, now, pulse,
        unless_lost,
    },
    publish::Listings,
};

/// What a listener leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The login daemon.
    Login,
    /// The room with this position.
    Room(usize),
}

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

/// Why a hall could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no random numbers for tokens.
    #[error("the system gives no random numbers")]
    Random,
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
    /// The servers of the registry that it shows as games.
    pub natives: Natives,
    /// Who publishes its games.
    pub bridge: Option<Fingerprint>,
}

/// A hall that listens, but does not serve before it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    rules: Rules,
    links: Links,
    listeners: Vec<(Gate, SocketAddr, TcpListener)>,
    secrets: Secrets,
    pulse: (Pulse, Heart),
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
        let gates = rooms.into_iter().enumerate();
        let gates = gates.map(|(position, address)| (Gate::Room(position), address));
        let mut listeners = Vec::new();
        for (gate, address) in [(Gate::Login, login)].into_iter().chain(gates) {
            let (local, listener) = listen(address)
                .and_then(|listener| Ok((listener.local_addr()?, listener)))
                .map_err(|source| ListenError::Listen { address, source })?;
            listeners.push((gate, local, listener));
        }
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| ListenError::Random)?;
        let secrets = Secrets::from_seed(seed);
        Ok(Self {
            rules,
            links,
            listeners,
            secrets,
            pulse: pulse(),
        })
    }

    /// The addresses that are listened on, the login daemon's first, then those of the rooms.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.listeners.iter();
        listeners.map(|(_, local, _)| *local).collect()
    }

    /// What rooms are called, in the order of their addresses.
    pub fn room_titles(&self) -> impl Iterator<Item = &str> {
        self.rules.rooms.iter().map(|room| &room.title[..])
    }

    /// Whether the hall works, once it [runs](Self::run).
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.0.clone()
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order,
    /// which takes at most twice the time to [linger](super::Limits::linger) and usually none.
    ///
    /// # Errors
    /// A task has failed that the hall cannot do without. Connections have been closed
    /// then as in order.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let Self {
            rules,
            links,
            listeners,
            secrets,
            pulse: (_, heart),
        } = self;
        let limits = rules.limits.clone();
        let (owner, desk) = Owner::new(limits.logins + limits.seats);
        let (connections, errands) = (TaskTracker::new(), TaskTracker::new());
        let ports = listeners.iter().filter_map(|(gate, local, _)| match gate {
            Gate::Login => None,
            Gate::Room(_) => Some(local.port()),
        });
        let means = Means {
            hall: Hall::new(rules, ports.collect(), secrets),
            errands: Errands::new(
                links.accounts.clone(),
                links.bans.clone(),
                owner.clone(),
                errands.clone(),
                limits.hub_time,
            ),
            listings: links.listings,
            natives: links.natives,
            bans: links.bans.subscribe(),
            bridge: links.bridge,
        };
        // The owner ends last: until then it hears of the connections that end.
        let end_of_owner = CancellationToken::new();
        let owning = desk.run(means, heart, end_of_owner.clone());
        let vital = Vital::default();
        vital.spawn("the owner of its state", owning);
        let closing = shutdown.child_token();

        let logins = Entrance::new(
            "Aleph One, logging in (--myth-logins)",
            limits.logins,
            limits.logins_per_host,
        );
        let seats = Entrance::new(
            "Aleph One, in rooms (--myth-connections)",
            limits.seats,
            limits.seats_per_host,
        );
        let linger = limits.linger;
        let shared = Arc::new(Shared {
            owner,
            limits,
            bans: links.bans,
            shutdown: closing.clone(),
        });
        let next = Arc::new(AtomicU64::new(0));
        for (gate, local, listener) in listeners {
            let entrance = match gate {
                Gate::Login => logins.clone(),
                Gate::Room(_) => seats.clone(),
            };
            let accepting = Accepting {
                gate,
                entrance,
                shared: Arc::clone(&shared),
                tasks: connections.clone(),
                next: Arc::clone(&next),
            };
            let accept = async move { accepting.run(listener).await };
            let accept = closing.clone().run_until_cancelled_owned(accept);
            vital.spawn(format!("accepting at {local}"), accept);
        }
        let stopped = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            stopped = vital.stopped() => Err(stopped),
        };
        closing.cancel();
        connections.close();
        connections.wait().await;
        end_of_owner.cancel();
        let stopped = stopped.and(vital.join().await);
        errands.close();
        let _ = tokio::time::timeout(linger, errands.wait()).await;
        if let Some(accounts) = links.accounts {
            accounts.flush(linger).await;
        }
        stopped
    }
}

struct Accepting {
    gate: Gate,
    entrance: Entrance,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    next: Arc<AtomicU64>,
}

impl Accepting {
    async fn run(self, listener: TcpListener) {
        let mut trouble = Trouble::default();
        loop {
            let (stream, peer) = accept(&listener, &mut trouble).await;
            self.accepted(stream, peer);
        }
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr) {
        let ip: IpAddr = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        let Some(Admitted { place, lost }) = self.entrance.admit(ip, now().into_std()) else {
            return;
        };
        let who = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let served = connection::serve(stream, peer, who, self.gate, Arc::clone(&self.shared));
        let span = tracing::info_span!("myth", gate = ?self.gate, client = %who, %peer);
        self.tasks.spawn(
            async move {
                unless_lost(served, lost).await;
                drop(place);
            }
            .instrument(span),
        );
    }
}

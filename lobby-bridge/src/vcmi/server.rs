//! Accepting, and ending in order.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use metaserve::program::{Stopped, Vital};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    ConnectionId,
    connection::{self, Shared},
    limits::Limits,
    lobby::{Lobby, Rules},
    owner::Owner,
    uuid::Uuids,
};
use crate::{
    bans::Guard,
    net::{Admitted, Entrance, Heart, Pulse, Trouble, accept, listen, pulse, unless_lost},
    publish::Listings,
};

/// How a VCMI lobby is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. `[::]` means all addresses of both families; port 0 any free port.
    pub listen: SocketAddr,
    /// Who may not come in.
    pub bans: Guard,
    /// Where the bridge is reached from outside, at most one address per family is used.
    /// Empty: the address that the host of a room came in on.
    pub public_addresses: Vec<IpAddr>,
    /// How often clients are asked for a sign of life (section 13.2).
    pub health_check: Duration,
    /// Whether every user may ask for statistics with `<ROOT>`.
    pub statistics: bool,
    /// The bounds.
    pub limits: Limits,
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
        }
    }
}

/// Why a lobby could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no random numbers to name sessions with.
    #[error("the system gives no random numbers")]
    Random,
}

/// A VCMI lobby that listens, but does not serve before it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    listings: Listings,
    listener: TcpListener,
    local: SocketAddr,
    uuids: Uuids,
    pulse: (Pulse, Heart),
}

impl Server {
    /// Listens as `settings` say. The open rooms will be put into `listings`.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn bind(settings: Settings, listings: Listings) -> Result<Self, ListenError> {
        let address = settings.listen;
        let listening = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local, listener) =
            listening.map_err(|source| ListenError::Listen { address, source })?;
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| ListenError::Random)?;
        Ok(Self {
            settings,
            listings,
            listener,
            local,
            uuids: Uuids::from_seed(seed),
            pulse: pulse(),
        })
    }

    /// The address that is listened on, with the port that was found for port 0.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Whether the lobby works, once it [runs](Self::run).
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.0.clone()
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order,
    /// which takes at most twice [`linger`](Limits::linger) and usually no time.
    ///
    /// # Errors
    /// A task has failed that the lobby cannot do without. Connections have been closed then as
    /// in order.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let Self {
            settings,
            listings,
            listener,
            uuids,
            pulse: (_, heart),
            ..
        } = self;
        let limits = settings.limits.clone();
        let connections = limits.capacity + limits.pipes + limits.undecided;
        let (owner, desk) = Owner::new(connections);
        let rules = Rules {
            limits: limits.clone(),
            statistics: settings.statistics,
        };
        let tasks = TaskTracker::new();
        // The owner ends last: until then it hears of the connections that end.
        let end_of_owner = CancellationToken::new();
        let lobby = Lobby::new(rules, uuids);
        let bans = settings.bans.clone();
        let owning = desk.run(lobby, settings, listings, heart, end_of_owner.clone());
        let vital = Vital::default();
        vital.spawn("the owner of its state", owning);

        let closing = shutdown.child_token();
        let accepting = Accepting {
            undecided: Entrance::new(
                "VCMI, half-open (--vcmi-half-open)",
                limits.undecided,
                limits.undecided_per_host,
            ),
            all: Arc::new(Semaphore::new(connections)),
            shared: Arc::new(Shared {
                owner,
                pipes: Arc::new(Semaphore::new(limits.pipes)),
                bans,
                shutdown: closing.clone(),
                limits,
            }),
            tasks: tasks.clone(),
            next: 0,
        };
        let accept = async move { accepting.run(&listener).await };
        let accept = closing.clone().run_until_cancelled_owned(accept);
        vital.spawn("accepting", accept);
        let stopped = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            stopped = vital.stopped() => Err(stopped),
        };
        closing.cancel();
        tasks.close();
        tasks.wait().await;
        end_of_owner.cancel();
        stopped.and(vital.join().await)
    }
}

struct Accepting {
    undecided: Entrance,
    all: Arc<Semaphore>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    next: u64,
}

impl Accepting {
    async fn run(mut self, listener: &TcpListener) {
        let mut trouble = Trouble::default();
        loop {
            let (stream, peer) = accept(listener, &mut trouble).await;
            self.accepted(stream, peer);
        }
    }

    fn accepted(&mut self, stream: TcpStream, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let room = Arc::clone(&self.all).try_acquire_owned();
        let undecided = self.undecided.admit(peer.ip(), super::now().into_std());
        let (Ok(room), Some(Admitted { place, lost })) = (room, undecided) else {
            tracing::debug!(%peer, "closed at once: there are too many connections");
            return;
        };
        let who = ConnectionId(self.next);
        self.next += 1;
        let served = connection::serve(stream, peer, who, Arc::clone(&self.shared), place);
        let span = tracing::info_span!("vcmi", client = %who, %peer);
        self.tasks.spawn(
            async move {
                unless_lost(served, lost).await;
                drop(room);
            }
            .instrument(span),
        );
    }
}

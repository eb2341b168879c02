//! Listening, accepting connections, and shutting down in order.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::BoxFuture;
use metaserve::{
    program::{Stopped, Vital},
    time::now,
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};

use super::{
    ConnectionId,
    accept::{Trouble, accept},
    entrance::{Admitted, Entrance, Place, unless_lost},
    errands::Errands,
    listen,
    owner::{Desk, Means, Owner},
    pulse::{Heart, Pulse, pulse},
    stream::{Bounds, Shared},
};
use crate::bans::Guard;

/// Why a lobby could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: choose an address of this machine and a free port")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system provides no random numbers")]
    Random,
}

/// Returns 32 bytes that nobody can guess.
pub(crate) fn seed() -> Result<[u8; 32], ListenError> {
    let mut seed = [0; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| ListenError::Random)?;
    Ok(seed)
}

/// A listener, and what kind of connections it accepts.
#[derive(Debug)]
pub(crate) struct Door<Gate> {
    pub(crate) gate: Gate,
    pub(crate) local: SocketAddr,
    listener: TcpListener,
}

impl<Gate> Door<Gate> {
    /// Listens on `address`. Must be called within a tokio runtime.
    pub(crate) fn open(gate: Gate, address: SocketAddr) -> Result<Self, ListenError> {
        let listening = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local, listener) =
            listening.map_err(|source| ListenError::Listen { address, source })?;
        Ok(Self {
            gate,
            local,
            listener,
        })
    }
}

/// The listeners of a lobby, before anybody is served.
#[derive(Debug)]
pub(crate) struct Server<Gate> {
    pub(crate) doors: Vec<Door<Gate>>,
    pulse: (Pulse, Heart),
}

/// A connection that was just admitted.
pub(crate) struct Arrival<Gate> {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) who: ConnectionId,
    pub(crate) gate: Gate,
    /// Kept by the [`Connection`](super::Connection) that is made of it. Freed when dropped.
    pub(crate) place: Place,
}

/// How a lobby is served.
pub(crate) struct Serving<E: Errands, Gate> {
    pub(crate) owner: Owner<E>,
    pub(crate) desk: Desk<E>,
    pub(crate) means: Means<E>,
    pub(crate) bans: Guard,
    pub(crate) bounds: Bounds,
    /// The most connections at one time, in all places together.
    pub(crate) connections: usize,
    /// Which places the connections of a door take.
    pub(crate) entrance: Box<dyn Fn(&Gate) -> Entrance + Send>,
    /// The span of all log lines about a connection.
    pub(crate) span: fn(&Arrival<Gate>) -> Span,
    pub(crate) receive: Arc<Receive<E, Gate>>,
}

/// Serves one connection until it ends.
pub(crate) type Receive<E, Gate> =
    dyn Fn(Arrival<Gate>, Arc<Shared<E>>) -> BoxFuture<'static, ()> + Send + Sync;

impl<Gate: Copy + Send + 'static> Server<Gate> {
    pub(crate) fn new(doors: Vec<Door<Gate>>) -> Self {
        let pulse = pulse();
        Self { doors, pulse }
    }

    /// Returns a handle that checks that the lobby works once it [runs](Self::run).
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.0.clone()
    }

    /// Serves until `shutdown` is cancelled and all connections have been closed in order. That
    /// takes at most twice the linger time, and usually no time at all.
    ///
    /// # Errors
    /// A task that the lobby cannot do without has failed. Connections have been closed in order
    /// in this case as well.
    pub(crate) async fn run<E: Errands>(
        self,
        serving: Serving<E, Gate>,
        shutdown: CancellationToken,
    ) -> Result<(), Stopped> {
        let Serving {
            owner,
            desk,
            means,
            bans,
            bounds,
            connections,
            entrance,
            span,
            receive,
        } = serving;
        // The owner ends last, so that it hears of the connections that end.
        let end_of_owner = CancellationToken::new();
        let (_, heart) = self.pulse;
        let tally = means.tally.clone();
        let owning = desk.run(means, heart, end_of_owner.clone());
        let vital = Vital::default();
        vital.spawn("the owner of its state", owning);

        let closing = shutdown.child_token();
        let shared = Arc::new(Shared {
            owner,
            bans,
            bounds,
            tally: tally.clone(),
            shutdown: closing.clone(),
        });
        let (tasks, next) = (TaskTracker::new(), Arc::new(AtomicU64::new(0)));
        let room = Arc::new(Semaphore::new(connections));
        for door in self.doors {
            let local = door.local;
            let accepting = Accepting {
                entrance: entrance(&door.gate).counting(tally.metrics()),
                door,
                room: Arc::clone(&room),
                next: Arc::clone(&next),
                shared: Arc::clone(&shared),
                span,
                receive: Arc::clone(&receive),
                tasks: tasks.clone(),
            };
            let accept = closing.clone().run_until_cancelled_owned(accepting.run());
            vital.spawn(format!("accepting at {local}"), accept);
        }
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

struct Accepting<E: Errands, Gate> {
    door: Door<Gate>,
    entrance: Entrance,
    room: Arc<Semaphore>,
    next: Arc<AtomicU64>,
    shared: Arc<Shared<E>>,
    span: fn(&Arrival<Gate>) -> Span,
    receive: Arc<Receive<E, Gate>>,
    tasks: TaskTracker,
}

impl<E: Errands, Gate: Copy + Send + 'static> Accepting<E, Gate> {
    async fn run(self) {
        let mut trouble = Trouble::default();
        loop {
            let (stream, peer) = accept(&self.door.listener, &mut trouble).await;
            self.accepted(stream, peer);
        }
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr) {
        let ip: IpAddr = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return tracing::debug!(%peer, "closed at once: there are too many connections");
        };
        let Some(Admitted { place, lost }) = self.entrance.admit(ip, now()) else {
            return;
        };
        let arrival = Arrival {
            stream,
            peer,
            who: ConnectionId(self.next.fetch_add(1, Ordering::Relaxed)),
            gate: self.door.gate,
            place,
        };
        let span = (self.span)(&arrival);
        let served = (self.receive)(arrival, Arc::clone(&self.shared));
        let served = async move {
            unless_lost(served, lost).await;
            drop(room);
        };
        self.tasks.spawn(served.instrument(span));
    }
}

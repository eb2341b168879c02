//! The state that all peers of a run share, their sockets, and game servers that use the library.

use crate::{heartbeats::Truth, options::Plan, target::Target};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{Role, Trust, printable, program, tls::client_config};
use metaserve_heartbeat::{Notice, NoticeKind, Publisher};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// The state that all peers of one run share.
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) truth: Truth,
    /// Whether servers change their heartbeats.
    pub(crate) changing: watch::Sender<bool>,
    /// The number of heartbeats that differ from the one before, since the start.
    pub(crate) changes: AtomicU64,
    /// The number of peers whose connection was lost.
    pub(crate) dropped: AtomicU64,
    /// The number of servers that were told that they are not listed.
    pub(crate) waiting: AtomicU64,
}

impl Stage {
    pub(crate) fn new(plan: &Plan) -> Arc<Self> {
        Arc::new(Self {
            plan: plan.clone(),
            truth: Truth::new(plan.content, plan.size, plan.servers),
            changing: watch::Sender::new(false),
            changes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        })
    }

    /// Counts a peer whose connection was lost.
    pub(crate) fn lost(&self, what: &str, error: &dyn std::fmt::Display) {
        if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            let error = printable(&error.to_string());
            program::complain(format!("the first {what} that was lost: {error}\n"));
        }
    }

    /// Counts a server that waits for a row, and prints the notice of the first.
    pub(crate) fn told(&self, notice: &Notice) {
        let waits = notice.kind == NoticeKind::NotListed;
        if waits && self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            eprintln!("the notice to the first waiting server: {}", notice.text);
        }
    }

    /// The heartbeats of a server: one at the start, then one per interval while things change,
    /// each server at its own time.
    pub(crate) fn heartbeats(
        self: &Arc<Self>,
        server: usize,
    ) -> impl Stream<Item = Bytes> + Send + use<> {
        let first = self.truth.current(server);
        let begin = (self.clone(), self.changing.subscribe(), None);
        let later = stream::unfold(begin, move |(stage, mut changing, due)| async move {
            // The sender is in the stage, which is held here.
            let _ = changing.wait_for(|changing| *changing).await;
            let plan = &stage.plan;
            let own_moment = || {
                tokio::time::Instant::from_std(now())
                    + plan.interval.mul_f64(server as f64 / plan.servers as f64)
            };
            let due = due.map_or_else(own_moment, |due| due + plan.interval);
            tokio::time::sleep_until(due).await;
            let changes = *changing.borrow() && fastrand::f64() < plan.change.0;
            let heartbeat = match changes {
                true => {
                    stage.changes.fetch_add(1, Ordering::Relaxed);
                    stage.truth.next(server, now())
                }
                false => stage.truth.current(server),
            };
            Some((heartbeat, (stage, changing, Some(due))))
        });
        stream::iter([first]).chain(later)
    }
}

/// A game server that uses the library.
pub(crate) async fn library_server(
    stage: Arc<Stage>,
    server: usize,
    connection: quinn::Connection,
) {
    let port = 1 + (server % 65_535) as u16;
    let hearing = stage.clone();
    let publisher = Publisher::new(connection).game(&stage.plan.game).port(port);
    let publisher = publisher.on_notice(move |notice| hearing.told(&notice));
    if let Err(error) = publisher.run(stage.heartbeats(server)).await {
        stage.lost("game server", &error);
    }
}

/// The sockets that peers of one role connect from, and the daemons that they are spread over.
pub(crate) struct Sockets {
    endpoints: Vec<quinn::Endpoint>,
    places: Vec<Place>,
    role: Role,
}

/// A daemon to connect to.
struct Place {
    address: SocketAddr,
    name: String,
    trust: Trust,
    /// A shared configuration keeps TLS sessions; one for each peer does not.
    shared: Option<quinn::ClientConfig>,
}

impl Sockets {
    /// Opens the sockets. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the system provides none, or the trust cannot be used.
    pub(crate) fn open(plan: &Plan, role: Role, targets: &[Target]) -> anyhow::Result<Self> {
        let endpoints = (0..plan.sockets).map(|_| metaserve::client_endpoint());
        let place = |target: &Target| {
            let shared = plan
                .resume
                .then(|| client_config(role, &target.trust, None));
            anyhow::Ok(Place {
                address: target.address,
                name: target.name.clone(),
                trust: target.trust.clone(),
                shared: shared.transpose()?,
            })
        };
        Ok(Self {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            places: targets.iter().map(place).collect::<Result<_, _>>()?,
            role,
        })
    }

    /// Connects from one of the sockets to one of the daemons.
    pub(crate) async fn connect(&self, peer: usize) -> anyhow::Result<quinn::Connection> {
        let place = &self.places[peer % self.places.len()];
        let config = match &place.shared {
            Some(config) => config.clone(),
            None => client_config(self.role, &place.trust, None)?,
        };
        let endpoint = &self.endpoints[peer % self.endpoints.len()];
        let connecting = endpoint.connect_with(config, place.address, &place.name)?;
        Ok(tokio::time::timeout(CONNECT_TIMEOUT, connecting).await??)
    }
}

/// How long connecting may take: under load a handshake may lose packets, but not for longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "it measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

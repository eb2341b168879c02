//! Tracks the current addresses of servers and clients. Servers are listed at their address, and
//! both count towards its limits. One task checks all of them in turn: a timer for each would wake
//! every peer every other second, for an event that is very rare.

mod path;

use dashmap::DashMap;
use metaserve::{address::canonical, time::every};
use path::{Path, Seen};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// How often each peer is checked.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// All servers and clients that have a connection of their own.
#[derive(Default)]
pub(crate) struct Whereabouts {
    peers: DashMap<u64, Watched>,
    next: AtomicU64,
}

struct Watched {
    connection: quinn::Connection,
    path: Path,
    moved: Arc<Moved>,
}

/// Tells the task of a peer its new address.
#[derive(Default)]
struct Moved {
    to: Mutex<Option<SocketAddr>>,
    told: Notify,
}

impl Whereabouts {
    /// Checks all peers, for as long as it is polled.
    pub(crate) async fn run(&self) {
        let mut look = every(LOOK_EVERY);
        loop {
            look.tick().await;
            for mut watched in self.peers.iter_mut() {
                if let Some(held) = watched.look() {
                    watched.moved.tell(held);
                }
            }
        }
    }

    /// Watches a peer that completed its handshake from `peer`, until the guard is dropped.
    pub(crate) fn watch(&self, connection: &quinn::Connection, peer: SocketAddr) -> Watching<'_> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let moved = Arc::new(Moved::default());
        let watched = Watched {
            connection: connection.clone(),
            path: Path::new(peer),
            moved: moved.clone(),
        };
        self.peers.insert(key, watched);
        Watching {
            all: self,
            key,
            moved,
        }
    }
}

impl Watched {
    /// The new address of the peer, if it has just been confirmed.
    fn look(&mut self) -> Option<SocketAddr> {
        if self
            .path
            .is_settled(canonical(self.connection.remote_address()))
        {
            return None;
        }
        self.path.look(Seen::of(&self.connection)?)
    }
}

impl Moved {
    fn tell(&self, address: SocketAddr) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        self.told.notify_one();
    }
}

/// A watched peer.
pub(crate) struct Watching<'a> {
    all: &'a Whereabouts,
    key: u64,
    moved: Arc<Moved>,
}

impl Watching<'_> {
    /// Waits until the peer has moved, and returns its new address. Cancel-safe.
    pub(crate) async fn moved(&self) -> SocketAddr {
        loop {
            let to = &self.moved.to;
            if let Some(address) = to.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return address;
            }
            self.moved.told.notified().await;
        }
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.all.peers.remove(&self.key);
    }
}

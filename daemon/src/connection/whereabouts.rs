//! Whether servers are still where they are listed. One task looks at all of them in turn: a timer
//! for each would wake each of them every other second, for an event that nearly never comes.

use super::canonical;
use dashmap::DashMap;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::MissedTickBehavior};

/// How often servers are looked at. QUIC gives a path up that does not answer within about a
/// second, so that an address which is seen at two looks in a row is most likely the server's.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where players reach the server: where it comes from, by the port that it advertises.
pub(crate) fn address(connection: &quinn::Connection, port: Option<u16>) -> SocketAddr {
    let seen = canonical(connection.remote_address());
    SocketAddr::new(seen.ip(), port.unwrap_or(seen.port()))
}

/// All servers with a connection of their own.
#[derive(Default)]
pub(crate) struct Whereabouts {
    servers: DashMap<u64, Watched>,
    next: AtomicU64,
}

struct Watched {
    connection: quinn::Connection,
    port: Option<u16>,
    seen: Seen,
    moved: Arc<Moved>,
}

/// Tells a server's task where its server is now.
#[derive(Default)]
struct Moved {
    to: Mutex<Option<SocketAddr>>,
    told: Notify,
}

impl Whereabouts {
    /// Looks at all servers for as long as it is polled.
    pub(crate) async fn run(&self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            for mut server in self.servers.iter_mut() {
                let address = address(&server.connection, server.port);
                if let Some(new) = server.seen.look(address) {
                    server.moved.tell(new);
                }
            }
        }
    }

    /// Watches a server that is listed at its present address, until the guard is dropped.
    pub(super) fn watch(&self, connection: &quinn::Connection, port: Option<u16>) -> Watching<'_> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let moved = Arc::new(Moved::default());
        let watched = Watched {
            connection: connection.clone(),
            port,
            seen: Seen::at(address(connection, port)),
            moved: moved.clone(),
        };
        self.servers.insert(key, watched);
        Watching {
            all: self,
            key,
            moved,
        }
    }
}

impl Moved {
    fn tell(&self, address: SocketAddr) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        self.told.notify_one();
    }
}

/// A server that is watched.
pub(super) struct Watching<'a> {
    all: &'a Whereabouts,
    key: u64,
    moved: Arc<Moved>,
}

impl Watching<'_> {
    /// The server's new address, when it has moved. Cancel-safe.
    pub(super) async fn moved(&self) -> SocketAddr {
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
        self.all.servers.remove(&self.key);
    }
}

/// The address that a server was last seen at, and the one it is listed at. What is seen once may
/// be the address of somebody who replays its packets; what is seen at two looks in a row is where
/// it is.
#[derive(Debug)]
struct Seen {
    last: SocketAddr,
    listed: SocketAddr,
}

impl Seen {
    fn at(address: SocketAddr) -> Self {
        Self {
            last: address,
            listed: address,
        }
    }

    /// Where the server is now, if that is news, and this look says the same as the one before.
    fn look(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        let before = std::mem::replace(&mut self.last, address);
        let moved = before == address && self.listed != address;
        moved.then(|| {
            self.listed = address;
            address
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_listed_once_it_is_seen_at_two_looks() {
        let [home, passing, new] =
            [1, 2, 3].map(|host| SocketAddr::from(([192, 0, 2, host], 7777)));
        let mut seen = Seen::at(home);
        for (look, news) in [
            (home, None),
            (passing, None),
            (home, None),
            (home, None),
            (new, None),
            (new, Some(new)),
            (new, None),
            (home, None),
            (home, Some(home)),
        ] {
            assert_eq!(seen.look(look), news, "{look}");
        }
    }
}

//! Tells the daemon what the bridge lists, over one relay connection after the other.
//!
//! A connection begins by stating everything, so that a daemon that was restarted, or was away,
//! has all of it again; then it says what changes. `docs/protocol.md`, "Relay".

use std::collections::HashMap;

use metaserve::{
    Backoff, Close, ConnectError, Connector, Identity, Retry, Role, Trust, printable,
    protocol::{
        codec,
        heartbeat::FromDaemon,
        relay::{FromRelay, Upsert},
    },
    stream::{self, FrameError, FrameReader},
};

use crate::publish::{Change, Follower, Key, Listing, Listings};

/// The longest message from the daemon: a notice of a few sentences.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The bridge's connection to a daemon, made again whenever it is lost.
#[derive(Debug)]
pub struct Relay {
    connector: Connector,
    daemon: String,
}

/// Why a relay connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the daemon has closed the connection: {0}")]
    Refused(Close),
    #[error("the connection was lost: {0}")]
    Lost(quinn::ConnectionError),
    #[error("the daemon does not speak our protocol: {0}")]
    Protocol(FrameError),
    /// There is nothing left to tell.
    #[error("the lobbies have ended")]
    Finished,
}

impl Relay {
    /// Prepares connections to `daemon` (`HOST:PORT`), which has to trust `identity`. Call it
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// The name, the trust or the identity is of no use, or there is no UDP socket.
    pub fn new(daemon: &str, trust: &Trust, identity: &Identity) -> Result<Self, ConnectError> {
        let connector = Connector::new(Role::Relay, daemon, trust, Some(identity))?;
        let daemon = daemon.to_owned();
        Ok(Self { connector, daemon })
    }

    /// Keeps the daemon's list as `listings` say, through losses of the connection, until the
    /// listings are dropped everywhere. Dropping the future takes everything off the list.
    pub async fn run(self, listings: &Listings) {
        let mut follower = listings.follow();
        let mut backoff = Backoff::default();
        loop {
            let (problem, retry) = match self.connector.connect().await {
                Err(error) => (error.to_string(), Retry::Soon),
                Ok(connection) => {
                    tracing::info!(daemon = self.daemon, "connected to the daemon");
                    follower.restate();
                    match tell(&connection, &mut follower, || backoff.reset()).await {
                        Ended::Finished => return,
                        ended => (ended.to_string(), ended.retry()),
                    }
                }
            };
            let delay = backoff.delay(retry, fastrand::f64());
            let (daemon, problem) = (&self.daemon, printable(&problem));
            tracing::warn!(daemon, "{problem}; connecting again in {delay:.1?}");
            tokio::time::sleep(delay).await;
        }
    }
}

impl Ended {
    fn retry(&self) -> Retry {
        match self {
            Self::Refused(close) => close.code.retry(),
            Self::Lost(_) | Self::Finished => Retry::Soon,
            Self::Protocol(_) => Retry::Slowly,
        }
    }
}

impl From<quinn::ConnectionError> for Ended {
    fn from(error: quinn::ConnectionError) -> Self {
        Close::from_peer(&error).map_or(Self::Lost(error), Self::Refused)
    }
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Lost(lost) => lost.into(),
            other => Self::Protocol(other),
        }
    }
}

/// Tells one daemon everything, and then every change, until the connection ends.
async fn tell(
    connection: &quinn::Connection,
    follower: &mut Follower,
    accepted: impl FnMut(),
) -> Ended {
    tokio::select! {
        ended = speak(connection, follower) => ended,
        ended = listen(connection, accepted) => ended,
    }
}

async fn speak(connection: &quinn::Connection, follower: &mut Follower) -> Ended {
    let mut out = match connection.open_uni().await {
        Ok(out) => out,
        Err(error) => return error.into(),
    };
    let mut keys = Keys::default();
    while let Some(changes) = follower.changes().await {
        for change in &changes {
            let written = match change {
                Change::List(key, listing) => {
                    let upsert = upsert(keys.of(*key), listing);
                    stream::write(&mut out, FromRelay::Upsert(upsert)).await
                }
                Change::Unlist(key) => match keys.forget(key) {
                    Some(key) => stream::write(&mut out, FromRelay::Remove(key)).await,
                    None => Ok(()),
                },
            };
            if written.is_err() {
                return connection.closed().await.into();
            }
        }
    }
    Ended::Finished
}

fn upsert(key: u64, listing: &Listing) -> Upsert<'_> {
    Upsert {
        key,
        game: listing.game,
        address: listing.address,
        heartbeat: &listing.heartbeat,
    }
}

/// Hears the daemon: its welcome is the sign that it accepts us, its notices are logged.
async fn listen(connection: &quinn::Connection, mut accepted: impl FnMut()) -> Ended {
    let mut reader = match connection.accept_uni().await {
        Ok(stream) => FrameReader::new(stream),
        Err(error) => return error.into(),
    };
    loop {
        let message = match reader.next(MAX_ANSWER_BYTES).await {
            Ok(Some(message)) => message,
            Ok(None) => return connection.closed().await.into(),
            Err(error) => return error.into(),
        };
        match codec::decode(&message) {
            Ok(FromDaemon::Welcome(_)) => accepted(),
            Ok(FromDaemon::Notice(notice)) => {
                tracing::warn!(kind = ?notice.kind, "notice from the daemon: {}", printable(notice.text));
            }
            // A later daemon may have more to say than we understand.
            Err(error) => tracing::debug!("a message of the daemon is not understood: {error}"),
        }
    }
}

/// Numbers for the listings of one connection.
#[derive(Default)]
struct Keys {
    numbers: HashMap<Key, u64>,
    last: u64,
}

impl Keys {
    fn of(&mut self, key: Key) -> u64 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.last += 1;
            self.last
        })
    }

    fn forget(&mut self, key: &Key) -> Option<u64> {
        self.numbers.remove(key)
    }
}

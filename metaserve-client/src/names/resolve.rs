//! Asking who holds a key, and having it started.

use super::{
    error::{Failed, StartError},
    request::{deadline, ticket, value},
    session::{HowToStart, Session},
    shared::{Handle, Open},
};
use bytes::Bytes;
use metaserve::names::{InvalidKey, Key};
use std::{
    future::IntoFuture,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

/// The holder of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The epoch of its claim.
    pub epoch: u64,
    /// What it says of itself, unchanged.
    pub value: Bytes,
    /// The address from which it is connected to the daemon. Its port is not the one that it serves
    /// at.
    pub address: SocketAddr,
}

/// A question who holds a key: [`Names::resolve`](super::Names::resolve) begins it, and `await` asks.
/// The answer is none if nobody holds the key.
///
/// Cancel-safe.
///
/// # Errors
/// [`Failed`]: the daemon refuses, or has not answered in time.
#[derive(Debug)]
#[must_use = "nothing is asked before it is awaited"]
pub struct Resolve {
    handle: Arc<Handle>,
    key: Result<Key, InvalidKey>,
    until: Instant,
}

/// A question who holds a key, with the wish to have it started if nobody does:
/// [`Resolve::or_start`] begins it, and `await` asks.
///
/// However many ask for a key at the same time, one host gets one order.
///
/// Cancel-safe. A host that has the order already may still start the key.
///
/// # Errors
/// [`StartError`]: no host could start it, the daemon refuses, or has not answered in time.
#[derive(Debug)]
#[must_use = "nothing is asked before it is awaited"]
pub struct Start {
    resolve: Resolve,
    payload: Bytes,
    ticket: Option<Bytes>,
}

impl Resolve {
    pub(super) fn new(handle: Arc<Handle>, key: Result<Key, InvalidKey>, until: Instant) -> Self {
        Self { handle, key, until }
    }

    /// Asks a host to start the key if nobody holds it. The payload is for the host, which the daemon
    /// does not look into: at most 8 KiB. Of several who ask at the same time, the first one's is
    /// sent.
    pub fn or_start(self, payload: impl Into<Bytes>) -> Start {
        Start {
            resolve: self,
            payload: payload.into(),
            ticket: None,
        }
    }

    /// How long to wait for a connection and for the answer. Default 30 s.
    pub fn within(self, within: Duration) -> Self {
        let until = deadline(within);
        Self { until, ..self }
    }

    async fn ask(self, start: Option<HowToStart>) -> Result<Option<Found>, StartError> {
        let key = self.key.map_err(Failed::Key)?;
        let begin = |session: &mut Session| session.resolve(key, start, self.until);
        let (_open, answer) = Open::begin(&self.handle, begin);
        answer.await.unwrap_or(Err(Failed::Closed.into()))
    }

    async fn run(self) -> Result<Option<Found>, Failed> {
        match self.ask(None).await {
            Ok(found) => Ok(found),
            Err(StartError::Failed(failed)) => Err(failed),
            // It was not to be started.
            Err(StartError::Unavailable(_)) => Ok(None),
        }
    }
}

impl Start {
    /// How long to wait for a connection and for the key to be started. Default 30 s, at most 5
    /// minutes. The answer may come a second later, with the reasons why nobody has started it.
    pub fn within(mut self, within: Duration) -> Self {
        self.resolve = self.resolve.within(within);
        self
    }

    /// A ticket with a scope that covers `start:KEY`, for a daemon that asks for one. Default: none.
    pub fn ticket(self, ticket: impl Into<Bytes>) -> Self {
        let ticket = Some(ticket.into());
        Self { ticket, ..self }
    }

    async fn run(self) -> Result<Found, StartError> {
        let start = HowToStart {
            payload: value("payload", self.payload)?,
            ticket: ticket(self.ticket)?,
        };
        let found = self.resolve.ask(Some(start)).await?;
        found.ok_or_else(|| StartError::Unavailable("the daemon has asked no host".into()))
    }
}

impl IntoFuture for Resolve {
    type Output = Result<Option<Found>, Failed>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl IntoFuture for Start {
    type Output = Result<Found, StartError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

//! Many servers over one connection.

use crate::{Error, Maintain, Notice};
use futures::Stream;
use metaserve::{
    Backoff, Connect,
    protocol::session::{Change, Listings, Speaker},
};
use std::{fmt, pin::pin, time::Duration};

/// Lists many servers over one connection after the other; see [`relay`](crate::relay()).
#[derive(Debug)]
#[must_use = "nothing is sent before `run`"]
pub struct Relay<C>(Maintain<C>);

impl<C> Relay<C> {
    pub(crate) fn new(connect: C) -> Self {
        Self(Maintain::new(connect))
    }

    /// Hears the daemon's notices, as for [`Publisher::on_notice`](crate::Publisher::on_notice):
    /// they name a server by its key.
    pub fn on_notice(self, hear: impl FnMut(Notice) + Send + 'static) -> Self {
        Self(self.0.on_notice(hear))
    }

    /// How long to wait between attempts, as for [`Maintain::backoff`].
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self(self.0.backoff(backoff))
    }

    /// Hears problems, as for [`Maintain::on_retry`].
    pub fn on_retry(self, hear: impl FnMut(&dyn fmt::Display, Duration) + Send + 'static) -> Self {
        Self(self.0.on_retry(hear))
    }

    /// Keeps the daemon's list as the `changes` say, until they end (`Ok`): then all servers leave
    /// the list. A daemon that was restarted, or was away, has everything stated again.
    ///
    /// The newest state of each server is what counts: changes that come while there is no
    /// connection, or faster than the daemon's minimal interval (1 s by default, for each server),
    /// replace each other. Memory follows the number of servers that are listed. Nothing bounds it
    /// here, but the daemon lists only so many (`--max-servers-per-relay`).
    ///
    /// Dropping the future takes everything off the list.
    ///
    /// # Errors
    /// Only when connecting again would do harm ([`Retry::Never`](crate::Retry::Never)), which no
    /// daemon of this version says to a relay.
    pub async fn run<S>(self, changes: S) -> Result<(), Error>
    where
        C: Connect,
        S: Stream<Item = Change>,
    {
        let session = Speaker::new(Listings::default());
        self.0.speak(session, pin!(changes)).await
    }
}

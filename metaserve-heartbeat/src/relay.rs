//! Many servers over one connection.

use crate::{Error, Maintain, Notice, Status};
use futures::Stream;
use metaserve::{
    Backoff, Connect,
    connect::role,
    protocol::session::{Change, Listings, Speaker},
};
use std::pin::pin;

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

    /// Hears how the connection stands, as for [`Maintain::on_status`].
    pub fn on_status(self, hear: impl FnMut(Status) + Send + 'static) -> Self {
        Self(self.0.on_status(hear))
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
    /// Only when connecting again cannot help, as for [`Maintain::run`]. A daemon that does not
    /// trust the relay yet is waited for: its operator has to add the relay's fingerprint.
    pub async fn run<S>(self, changes: S) -> Result<(), Error>
    where
        C: Connect<role::Relay>,
        S: Stream<Item = Change>,
    {
        let session = Speaker::new(Listings::default());
        self.0
            .speak::<role::Relay, _, _>(session, pin!(changes))
            .await
    }
}

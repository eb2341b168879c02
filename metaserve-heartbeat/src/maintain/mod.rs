//! Stays on the list: connects again for as long as there are heartbeats.

mod link;

use crate::{Error, Notice, notices::Notices, publisher::Options};
use futures::Stream;
use link::{Link, OnRetry, Shared, both};
use metaserve::{
    Backoff, Connect, printable,
    protocol::session::{Say, Speaker},
};
use std::{
    fmt,
    pin::{Pin, pin},
    time::Duration,
};

/// Publishes over one connection after the other; see [`maintain`](crate::maintain).
#[must_use = "nothing is sent before `run`"]
pub struct Maintain<C> {
    connect: C,
    options: Options,
    backoff: Backoff,
    on_retry: OnRetry,
}

impl<C> fmt::Debug for Maintain<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            options, backoff, ..
        } = self;
        f.debug_struct("Maintain")
            .field("options", options)
            .field("backoff", backoff)
            .finish_non_exhaustive()
    }
}

impl<C> Maintain<C> {
    pub(crate) fn new(connect: C) -> Self {
        let log = |problem: &dyn fmt::Display, delay: Duration| {
            let problem = printable(&problem.to_string());
            tracing::warn!("{problem}; connecting again in {delay:.1?}");
        };
        let options = Options::default();
        Self {
            connect,
            options,
            backoff: Backoff::default(),
            on_retry: Box::new(log),
        }
    }

    /// The game (namespace) to be listed in, as for [`Publisher::game`](crate::Publisher::game).
    pub fn game(mut self, game: impl Into<String>) -> Self {
        self.options.game = Some(game.into());
        self
    }

    /// The port that players join by, as for [`Publisher::port`](crate::Publisher::port).
    pub fn port(mut self, port: u16) -> Self {
        self.options.port = Some(port);
        self
    }

    /// Hears the daemon's notices, as for [`Publisher::on_notice`](crate::Publisher::on_notice).
    pub fn on_notice(mut self, hear: impl FnMut(Notice) + Send + 'static) -> Self {
        self.options.notices = Notices::new(hear);
        self
    }

    /// How long to wait between attempts. Default: about 500 ms, then twice that, and so on up
    /// to 30 s, each with jitter; it begins anew once the daemon has let the server in.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `hear` with each problem and the delay before the next attempt. Default: they are
    /// logged with `tracing` as warnings.
    pub fn on_retry(
        mut self,
        hear: impl FnMut(&dyn fmt::Display, Duration) + Send + 'static,
    ) -> Self {
        self.on_retry = Box::new(hear);
        self
    }

    /// Publishes `heartbeats` until they end, through losses of the connection. While there is
    /// none the newest heartbeat is kept, and it is the first that a new connection sends.
    ///
    /// Given a [`Connector`](crate::Connector) with an identity, it keeps a connection over IPv4
    /// and one over IPv6, so that the server is listed with both addresses. Each carries all
    /// heartbeats, and is lost and made again without the other. A family that this machine or the
    /// daemon does not have is looked for again at the longest delay, and is no problem to hear
    /// of while the other connects.
    ///
    /// Dropping the future takes the server off the list.
    ///
    /// # Errors
    /// Only when connecting again would do harm or cannot help ([`Retry::Never`](crate::Retry::Never)): another server
    /// with the same identity has taken this one's place, or the game's tag cannot be used. With
    /// two connections, a place that was taken in one family is given up, and it is an error when
    /// none is left.
    pub async fn run<S, T>(self, heartbeats: S) -> Result<(), Error>
    where
        C: Connect,
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let heartbeats = pin!(heartbeats);
        match *self.connect.families() {
            [first, second] => {
                let shared = Shared::new(self.connect, self.on_retry);
                both(
                    [first, second],
                    self.options,
                    self.backoff,
                    &shared,
                    heartbeats,
                )
                .await
            }
            _ => {
                let session = self.options.session()?;
                self.speak(session, heartbeats).await
            }
        }
    }

    /// Says `items` over one connection after the other.
    pub(crate) async fn speak<W, S>(
        self,
        session: Speaker<W>,
        items: Pin<&mut S>,
    ) -> Result<(), Error>
    where
        C: Connect,
        S: Stream,
        W: Say<S::Item>,
    {
        let shared = Shared::new(self.connect, self.on_retry);
        let link = Link::new(&shared, session, self.options.notices, items);
        link.run(self.backoff).await
    }
}

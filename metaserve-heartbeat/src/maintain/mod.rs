//! Stays on the list: connects again for as long as there are heartbeats.

mod all;
mod link;
mod shared;

use crate::{Error, Notice, Status, notices::Notices, publisher::Options};
use all::all;
use futures::Stream;
use link::Link;
use metaserve::{
    Backoff, Connect, Way,
    connect::role::Heartbeat,
    lasting::Listener,
    protocol::session::{Say, Speaker},
};
use shared::Shared;
use std::{
    fmt,
    pin::{Pin, pin},
};

/// Publishes over one connection after the other; see [`maintain`](crate::maintain).
#[must_use = "nothing is sent before `run`"]
pub struct Maintain<C> {
    connect: C,
    options: Options,
    backoff: Backoff,
    listener: Listener,
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
        Self {
            connect,
            options: Options::default(),
            backoff: Backoff::default(),
            listener: Listener::default(),
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
    /// to 30 s, each with jitter; it starts over once the daemon has let the server in.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `hear` with each change of the connection's [`Status`], to show it or to log it.
    ///
    /// Default: problems are logged with `tracing` as warnings. In a program without a `tracing`
    /// subscriber standard error has a line for a problem that lasts 3 s, and one when it is over.
    ///
    /// ```
    /// # fn example(connector: metaserve_heartbeat::Connector) {
    /// let maintain = metaserve_heartbeat::maintain(connector)
    ///     .on_status(|status| println!("{status}"));
    /// # }
    /// ```
    pub fn on_status(mut self, hear: impl FnMut(Status) + Send + 'static) -> Self {
        self.listener = Listener::new(hear);
        self
    }

    /// Publishes `heartbeats` until they end, through losses of the connection. While there is
    /// none the newest heartbeat is kept, and it is the first that a new connection sends.
    ///
    /// Given a [`Connector`](crate::Connector) to one of several daemons, it moves to another one
    /// when its daemon is lost, or refuses it. Given one to every daemon, it keeps a connection to
    /// each. Given one with an identity, it keeps a connection over IPv4 and one over IPv6, so that
    /// the server is listed with both addresses. Each connection carries all heartbeats, and is lost
    /// and made again without the others. A family that this machine or the daemon does not have is
    /// looked for again at the longest delay, and is no problem to hear of while the other connects.
    ///
    /// Dropping the future takes the server off the list.
    ///
    /// # Errors
    /// Only when connecting again would do harm, or cannot help:
    ///
    /// * At once when a setting cannot be used: the daemon's name, its fingerprint, a file, the
    ///   game's tag.
    /// * At the third time in a row when the daemon is not one that is trusted (another fingerprint,
    ///   a certificate that no trusted authority has signed or that is for another name), or does
    ///   not speak the protocol. Once the daemon has accepted the server, this is no reason to end
    ///   any more: the settings were right then, and the daemon's operator may mend it. Of several
    ///   daemons, each has to be like that; the error says which daemon said what.
    /// * At once when another server with the same identity has taken this one's place. With several
    ///   connections, a place that was taken is given up, and it is an error when none is left.
    ///
    /// Everything else is waited for: a daemon that does not answer, is full, or has banned this
    /// address, a name that is not found, and a certificate that has expired or is not valid yet.
    ///
    /// A closure that makes connections has errors of its own, which are never a reason to end: a
    /// program that must not stop for the list's sake uses one.
    pub async fn run<S, T>(self, heartbeats: S) -> Result<(), Error>
    where
        C: Connect<Heartbeat>,
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let heartbeats = pin!(heartbeats);
        if self.connect.ways().len() > 1 {
            let shared = Shared::new(self.connect, self.listener);
            return all(self.options, self.backoff, &shared, heartbeats).await;
        }
        let session = self.options.session()?;
        self.speak::<Heartbeat, _, _>(session, heartbeats).await
    }

    /// Says `items` over one connection after the other.
    pub(crate) async fn speak<R, W, S>(
        self,
        session: Speaker<W>,
        items: Pin<&mut S>,
    ) -> Result<(), Error>
    where
        C: Connect<R>,
        S: Stream,
        W: Say<S::Item>,
    {
        let shared = Shared::<C, R>::new(self.connect, self.listener);
        let (way, notices) = (Way::default(), self.options.notices);
        let link = Link::new(&shared, 0, way, session, notices, items);
        link.run(self.backoff).await
    }
}

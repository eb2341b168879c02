//! Keeps following: connects again, and goes on where it was.

use crate::{
    Error, Snapshot, Snapshots,
    list::List,
    subscriber::{Options, follow},
};
use metaserve::{
    Backoff,
    lasting::{Lasting, Problem, lasting},
    printable,
    protocol::session,
};
use std::{convert::Infallible, fmt, time::Duration};
use tokio::sync::watch;

/// Follows the list over one connection after the other; see [`maintain`](crate::maintain).
#[must_use = "nothing is asked for before `run`"]
pub struct Maintain<C> {
    connect: C,
    options: Options,
    backoff: Backoff,
    on_status: Box<dyn FnMut(Status) + Send>,
}

/// How a maintained list stands, for a game to show beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A connection is being made.
    Connecting,
    /// The list is live.
    Live,
    /// There is no connection: the list is as it was.
    Waiting {
        /// What happened, in words.
        problem: String,
        /// How long until the next attempt.
        delay: Duration,
    },
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
        let log = |status| {
            if let Status::Waiting { problem, delay } = status {
                let problem = printable(&problem);
                tracing::warn!("{problem}; connecting again in {delay:.1?}");
            }
        };
        let (options, backoff) = (Options::default(), Backoff::default());
        Self {
            connect,
            options,
            backoff,
            on_status: Box::new(log),
        }
    }

    /// Follows one game only, as for [`Subscriber::game`](crate::Subscriber::game).
    pub fn game(mut self, game: impl Into<String>) -> Self {
        self.options.game = Some(game.into());
        self
    }

    /// Bounds the list, as for [`Subscriber::max_list_bytes`](crate::Subscriber::max_list_bytes).
    pub fn max_list_bytes(mut self, bytes: usize) -> Self {
        self.options.max_list_bytes = bytes;
        self
    }

    /// How long to wait between attempts. Default: about 500 ms, then twice that, and so on up
    /// to 30 s, each with jitter; it begins anew once the list is live.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `hear` with each change of the connection's state. Default: problems are logged
    /// with `tracing` as warnings.
    pub fn on_status(mut self, hear: impl FnMut(Status) + Send + 'static) -> Self {
        self.on_status = Box::new(hear);
        self
    }

    /// The live list, as [`run`](crate::run) says, through losses of the connection: the stream
    /// says nothing while there is none, and goes on with the list as it is then. It ends with an
    /// error only when connecting again cannot help ([`Retry::Never`](crate::Retry::Never)).
    pub fn run<F, E>(self) -> Snapshots
    where
        C: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<quinn::Connection, E>> + Send,
        E: fmt::Display + Send,
    {
        let Self {
            connect,
            options,
            backoff,
            on_status,
        } = self;
        Snapshots::new(Snapshot::default(), async move |latest| {
            let follow = async {
                let mut following = Following {
                    session: options.session()?,
                    list: List::default(),
                    latest,
                    on_status,
                };
                lasting(connect, backoff, &mut following).await
            };
            let Err(error) = follow.await;
            error
        })
    }
}

/// A list that is followed over one connection after the other.
struct Following {
    session: session::Subscriber,
    list: List,
    latest: watch::Sender<Option<Snapshot>>,
    on_status: Box<dyn FnMut(Status) + Send>,
}

impl<E: fmt::Display> Lasting<E> for Following {
    type Done = Infallible;

    fn connecting(&mut self) {
        (self.on_status)(Status::Connecting);
    }

    async fn session(
        &mut self,
        connection: quinn::Connection,
        live: &mut (impl FnMut() + Send),
    ) -> Result<Infallible, Error> {
        let (mut is_live, on_status) = (false, &mut self.on_status);
        let mut followed = || {
            if !std::mem::replace(&mut is_live, true) {
                on_status(Status::Live);
                live();
            }
        };
        let (session, list) = (&mut self.session, &mut self.list);
        let ended = follow(&connection, session, list, &self.latest, &mut followed).await;
        if ended.as_ref().is_err_and(Error::spoils_list) {
            self.list = List::default();
        }
        ended
    }

    fn waits(&mut self, problem: Problem<E>, delay: Duration) {
        let problem = problem.to_string();
        (self.on_status)(Status::Waiting { problem, delay });
    }
}

//! Keeps following: connects again, and goes on where it was.

use crate::{
    Error, Snapshot, Snapshots, Status,
    list::List,
    snapshots::Latest,
    subscriber::{Options, follow},
};
use metaserve::{
    Backoff, Connect, ConnectError, Retry, Way,
    connect::role::Client,
    lasting::{Lasting, Listener, Problem, Wait, lasting},
    protocol::session,
};
use std::{
    convert::Infallible,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Follows the list over one connection after the other; see [`maintain`](crate::maintain).
#[must_use = "nothing is asked for before `run`"]
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
    /// to 30 s, each with jitter; it starts over once the list is live.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `hear` with each change of the connection's [`Status`], to show it or to log it.
    ///
    /// Default: problems are logged with `tracing` as warnings. In a program without a `tracing`
    /// subscriber standard error has a line for a problem that lasts 3 s, and one when it is over.
    pub fn on_status(mut self, hear: impl FnMut(Status) + Send + 'static) -> Self {
        self.listener = Listener::new(hear);
        self
    }

    /// The live list, as [`run`](crate::run) says, through losses of the connection: the stream
    /// says nothing while there is none, and goes on with the list as it is then. The last list
    /// stays valid meanwhile, and [`Snapshots::freshness`] says how old it is.
    ///
    /// A connector to one of several daemons moves to another one when its daemon is lost, and says
    /// there what it knows: a daemon of the same cluster answers with the changes alone, another one
    /// with its whole list. There is no empty list in between.
    ///
    /// # Errors
    /// The stream ends with an error only when connecting again cannot help:
    ///
    /// * At once when a setting cannot be used: the daemon's name, its fingerprint, a file, the
    ///   game's tag.
    /// * At the third time in a row when the daemon is not one that is trusted (another fingerprint,
    ///   a certificate that no trusted authority has signed or that is for another name), or does
    ///   not speak the protocol. Once the list has been live, this is no reason to end any more: the
    ///   settings were right then, and the daemon's operator may mend it.
    ///
    /// Everything else is waited for: a daemon that does not answer, is full, or has banned this
    /// address, a name that is not found, and a certificate that has expired or is not valid yet.
    ///
    /// A closure that makes connections has errors of its own, which are never a reason to end.
    pub fn run(self) -> Snapshots
    where
        C: Connect<Client> + Send + 'static,
        C::Connecting: Send,
        C::Error: Send,
    {
        let Self {
            connect,
            options,
            backoff,
            listener,
        } = self;
        Snapshots::new(Snapshot::default(), async move |latest| {
            let (way, connect) = (Way::default(), Mutex::new(connect));
            let follow = async {
                let mut following = Following {
                    session: options.session()?,
                    list: List::default(),
                    latest,
                    listener,
                    lived: false,
                    connect: &connect,
                };
                lasting(|| lock(&connect).connect(&way), backoff, &mut following).await
            };
            let Err(error) = follow.await;
            error
        })
    }
}

/// A list that is followed over one connection after the other.
struct Following<'a, C> {
    session: session::Subscriber,
    list: List,
    latest: Latest,
    listener: Listener,
    /// Whether the list has been live, so that our settings were right.
    lived: bool,
    connect: &'a Mutex<C>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Connect<Client>> Lasting<C::Error> for Following<'_, C> {
    type Done = Infallible;

    async fn session(
        &mut self,
        connection: quinn::Connection,
        live: &mut (impl FnMut() + Send),
    ) -> Result<Infallible, Error> {
        let (mut is_live, listener, lived) = (false, &mut self.listener, &mut self.lived);
        let mut followed = || {
            if !std::mem::replace(&mut is_live, true) {
                *lived = true;
                listener.hear(Status::Live { problem: None });
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

    fn choices(&self) -> usize {
        lock(self.connect).choices()
    }

    fn retry(&self, error: &C::Error) -> Retry {
        match C::known(error).map_or(Retry::Soon, ConnectError::retry) {
            Retry::Briefly if self.lived => Retry::Slowly,
            retry => retry,
        }
    }

    fn final_error(&mut self, error: &C::Error) -> Option<Error> {
        C::known(error).cloned().map(Error::Connect)
    }

    fn connecting(&mut self) {
        self.listener.hear(Status::Connecting);
    }

    fn unanswered(&mut self) {
        self.listener.hear(Status::Unanswered);
    }

    fn waits(&mut self, problem: Problem<C::Error>, wait: Wait) {
        self.listener.hear(Status::waiting(&problem, wait));
    }
}

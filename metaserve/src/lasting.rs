//! One connection after the other, for as long as there is a reason to connect.

use crate::{Backoff, Ended, Retry};
use std::{fmt, time::Duration};

/// What a game server, game client or relay does with its connections, one after the other, and
/// between them. `E` says why there is none.
#[expect(
    async_fn_in_trait,
    reason = "they may move between threads if what they hold may"
)]
pub trait Lasting<E> {
    /// What remains to be said when no further connection is needed.
    type Done;

    /// Hears that a connection is being made.
    fn connecting(&mut self) {}

    /// Goes on while there is no connection, and ends when none is needed any more. Cancel-safe.
    async fn meanwhile(&mut self) -> Self::Done {
        std::future::pending().await
    }

    /// Uses a connection until no further one is needed (`Ok`), or it ends. Calls `live` when the
    /// daemon has let us in.
    async fn session(
        &mut self,
        connection: quinn::Connection,
        live: &mut (impl FnMut() + Send),
    ) -> Result<Self::Done, Ended>;

    /// How eagerly to try again when there is no connection. Default: soon.
    fn retry(&self, _: &E) -> Retry {
        Retry::Soon
    }

    /// Hears that the next attempt is made after `delay`.
    fn waits(&mut self, problem: Problem<E>, delay: Duration);
}

/// Why there is no connection any longer, or not yet.
#[derive(Debug)]
pub enum Problem<E> {
    /// There was one, and it has ended.
    Ended(Ended),
    /// None could be made.
    Unconnected(E),
}

impl<E: fmt::Display> fmt::Display for Problem<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(ended) => ended.fmt(f),
            Self::Unconnected(error) => error.fmt(f),
        }
    }
}

/// Makes one connection after the other with `connect`, and gives each to `party`, until no
/// further one is needed.
///
/// # Errors
/// When connecting again would do harm or cannot help ([`Retry::Never`]).
pub async fn lasting<E, F, L>(
    mut connect: impl FnMut() -> F,
    mut backoff: Backoff,
    party: &mut L,
) -> Result<L::Done, Ended>
where
    F: Future<Output = Result<quinn::Connection, E>>,
    L: Lasting<E>,
{
    loop {
        party.connecting();
        let connected = tokio::select! {
            biased;
            connected = connect() => connected,
            done = party.meanwhile() => return Ok(done),
        };
        let (problem, retry) = match connected {
            Ok(connection) => match party.session(connection, &mut || backoff.reset()).await {
                Ok(done) => return Ok(done),
                Err(ended) if ended.retry() == Retry::Never => return Err(ended),
                Err(ended) => {
                    let retry = ended.retry();
                    (Problem::Ended(ended), retry)
                }
            },
            Err(error) => {
                let retry = party.retry(&error);
                (Problem::Unconnected(error), retry)
            }
        };
        let delay = backoff.delay(retry, fastrand::f64());
        party.waits(problem, delay);
        tokio::select! {
            biased;
            () = tokio::time::sleep(delay) => {}
            done = party.meanwhile() => return Ok(done),
        }
    }
}

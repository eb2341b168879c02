//! One connection after the other, for as long as there is a reason to connect.

mod outage;
mod status;
mod stderr;

pub use status::{Listener, Status};
pub use stderr::{is_logged, warn};

use crate::{
    Backoff, Ended, Retry,
    time::{now, sleep_until},
};
use outage::Outage;
use std::{fmt, pin::pin, time::Duration};

/// How a game server, game client or relay uses its connections, one after the other, and the time
/// between them. `E` is the error of a failed attempt to connect.
#[expect(
    async_fn_in_trait,
    reason = "they may move between threads if what they hold may"
)]
pub trait Lasting<E> {
    /// The result when no further connection is needed.
    type Done;

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

    /// How many addresses there are to connect to, as far as is known.
    fn choices(&self) -> usize;

    /// Whether, and how eagerly, to try again after a failed attempt to connect.
    fn retry(&self, error: &E) -> Retry;

    /// The error to end with, after an attempt to connect from which it follows that connecting
    /// again cannot help; none to go on, with the longest delay.
    fn final_error(&mut self, error: &E) -> Option<Ended>;

    /// Hears that a connection is being made.
    fn connecting(&mut self);

    /// Hears that an attempt to connect has had no answer for so long that a person should know.
    fn unanswered(&mut self);

    /// Hears that the next attempt is made later.
    fn waits(&mut self, problem: Problem<E>, wait: Wait);
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

/// When the next attempt is made, and how many have failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long until the next attempt.
    pub retry_in: Duration,
    /// How many attempts in a row have failed, or 0 when a connection was lost just now.
    pub attempts: u32,
    /// For how long there has been no connection that the daemon accepted.
    pub down_for: Duration,
}

/// Makes one connection after the other with `connect`, and gives each to `party`, until no
/// further one is needed.
///
/// # Errors
/// When connecting again would do harm or cannot help: at once after [`Retry::Never`], at the
/// third time in a row after [`Retry::Briefly`].
pub async fn lasting<E, F, L>(
    mut connect: impl FnMut() -> F,
    mut backoff: Backoff,
    party: &mut L,
) -> Result<L::Done, Ended>
where
    F: Future<Output = Result<quinn::Connection, E>>,
    L: Lasting<E>,
{
    let mut outage = Outage::new(now());
    loop {
        party.connecting();
        let connected = {
            let mut attempt = pin!(connect());
            loop {
                tokio::select! {
                    biased;
                    connected = &mut attempt => break connected,
                    done = party.meanwhile() => return Ok(done),
                    () = sleep_until(outage.unanswered_at()) => {
                        outage.told();
                        party.unanswered();
                    }
                }
            }
        };
        let (problem, retry) = match connected {
            Ok(connection) => {
                let mut is_live = false;
                let mut live = || {
                    is_live = true;
                    backoff.reset();
                };
                let ended = match party.session(connection, &mut live).await {
                    Ok(done) => return Ok(done),
                    Err(ended) => ended,
                };
                if is_live {
                    outage = Outage::new(now());
                } else {
                    outage.failed(ended.retry());
                }
                match outage.ended(ended.retry(), party.choices()) {
                    Retry::Never => return Err(ended),
                    retry => (Problem::Ended(ended), retry),
                }
            }
            Err(error) => {
                let retry = outage.failed(party.retry(&error));
                if retry == Retry::Never
                    && let Some(ended) = party.final_error(&error)
                {
                    return Err(ended);
                }
                (Problem::Unconnected(error), retry)
            }
        };
        let retry_in = backoff.delay(retry, fastrand::f64());
        party.waits(problem, outage.wait(retry_in, now()));
        tokio::select! {
            biased;
            () = tokio::time::sleep(retry_in) => {}
            done = party.meanwhile() => return Ok(done),
        }
    }
}

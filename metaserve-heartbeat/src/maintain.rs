//! Stays on the list: connects again for as long as there are heartbeats.

use crate::{
    Error, Notice,
    publisher::{ASSUMED_INTERVAL, Options, publish},
};
use futures::{Stream, StreamExt};
use metaserve::{Backoff, Pacing, close::Retry, printable};
use std::{fmt, pin::Pin, pin::pin, time::Duration};

/// Publishes over one connection after the other; see [`maintain`](crate::maintain).
#[must_use = "nothing is sent before `run`"]
pub struct Maintain<C> {
    connect: C,
    options: Options,
    backoff: Backoff,
    on_retry: OnRetry,
}

/// Hears each problem, and the delay before the next attempt.
type OnRetry = Box<dyn FnMut(&dyn fmt::Display, Duration) + Send>;

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
        self.options.on_notice = Some(Box::new(hear));
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
    /// Dropping the future takes the server off the list.
    ///
    /// # Errors
    /// Only when connecting again would do harm or cannot help ([`Retry::Never`]): another server
    /// with the same identity has taken this one's place, or the game's tag cannot be used.
    pub async fn run<F, E, S, T>(mut self, heartbeats: S) -> Result<(), Error>
    where
        C: FnMut() -> F,
        F: Future<Output = Result<quinn::Connection, E>>,
        E: fmt::Display,
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let mut heartbeats = pin!(heartbeats);
        let mut pacing = Pacing::new(ASSUMED_INTERVAL);
        loop {
            let connected = meanwhile(
                (self.connect)(),
                heartbeats.as_mut(),
                &mut pacing,
                &mut self.options,
            )
            .await;
            let Some(connected) = connected else {
                return Ok(());
            };
            let delay = match connected {
                Ok(connection) => {
                    pacing.restate();
                    let mut welcomed = false;
                    let ended = publish(
                        &connection,
                        &mut self.options,
                        heartbeats.as_mut(),
                        &mut pacing,
                        || welcomed = true,
                    )
                    .await;
                    let Err(error) = ended else { return Ok(()) };
                    if error.retry() == Retry::Never {
                        return Err(error);
                    }
                    if welcomed {
                        self.backoff.reset();
                    }
                    let delay = self.backoff.delay(error.retry(), fastrand::f64());
                    (self.on_retry)(&error, delay);
                    delay
                }
                Err(error) => {
                    let delay = self.backoff.delay(Retry::Soon, fastrand::f64());
                    (self.on_retry)(&error, delay);
                    delay
                }
            };
            let waited = tokio::time::sleep(delay);
            if meanwhile(waited, heartbeats.as_mut(), &mut pacing, &mut self.options)
                .await
                .is_none()
            {
                return Ok(());
            }
        }
    }
}

/// Waits for `wait` and keeps the newest heartbeat meanwhile; none when the heartbeats have ended.
async fn meanwhile<W: Future, S, T>(
    wait: W,
    mut heartbeats: Pin<&mut S>,
    pacing: &mut Pacing,
    options: &mut Options,
) -> Option<W::Output>
where
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let mut wait = pin!(wait);
    loop {
        tokio::select! {
            biased;
            output = &mut wait => return Some(output),
            item = heartbeats.next() => {
                options.offer(item?.as_ref(), pacing);
                tokio::task::consume_budget().await;
            }
        }
    }
}

//! A clock that stands still until a test moves it, for a server that runs in the test's own
//! runtime.
//!
//! tokio's own stopped clock moves on by itself whenever no task is ready, which includes the
//! moments in which bytes are on their way from one socket to another. This one does not, so that
//! a busy machine cannot make anybody late.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{
    future::poll_fn,
    pin::pin,
    sync::mpsc,
    task::{Context, Poll},
    time::Duration,
};

/// When a test that hangs is given up, by the real clock: the stopped one moves on by itself from
/// then on, so that every wait comes to its end.
const HANG: Duration = Duration::from_secs(120);

/// After so many turns of the runtime nothing is left to do: far more than there are tasks and
/// sockets that wake each other.
const TURNS: usize = 300;

/// The steps in which time passes while something is waited for.
const STEP: Duration = Duration::from_millis(100);

/// The stopped clock of a runtime. It stands until this is dropped.
pub(crate) struct Clock {
    _stands: mpsc::Sender<()>,
}

impl Clock {
    /// Stops the clock of this runtime, which has to be one of a single thread.
    pub(crate) fn stop() -> Self {
        tokio::time::pause();
        let (stands, until) = mpsc::channel::<()>();
        // A stopped clock does not move on by itself while a blocking task runs.
        tokio::task::spawn_blocking(move || until.recv_timeout(HANG));
        Self { _stands: stands }
    }

    /// Lets everything happen that does not need time: whatever is on its way arrives, is read
    /// and answered.
    pub(crate) async fn settle(&self) {
        for _ in 0..TURNS {
            // Polls sockets and timers, and runs what they wake.
            tokio::task::yield_now().await;
        }
        // The kernel may have work of its own to do for sockets.
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }

    /// Lets time pass, and then everything happen that comes of it.
    pub(crate) async fn pass(&self, time: Duration) {
        self.settle().await;
        tokio::time::advance(time).await;
        self.settle().await;
    }

    /// What comes of an event that needs no time; none if it has to be waited for. A timeout of
    /// zero would not do: timers need a millisecond to end.
    pub(crate) async fn at_once<T>(&self, event: impl Future<Output = T>) -> Option<T> {
        self.settle().await;
        let mut event = pin!(event);
        let look = |context: &mut Context<'_>| match event.as_mut().poll(context) {
            Poll::Ready(happened) => Poll::Ready(Some(happened)),
            Poll::Pending => Poll::Ready(None),
        };
        poll_fn(look).await
    }

    /// Waits for an event. Time passes only while nothing else happens.
    pub(crate) async fn until<T>(&self, event: impl Future<Output = T>) -> T {
        let passing = async {
            loop {
                self.pass(STEP).await;
            }
        };
        tokio::select! {
            biased;
            happened = event => happened,
            () = passing => unreachable!("time does not end"),
        }
    }
}

//! A clock that stands still until a test moves it, for a server that runs in the test's own
//! runtime.
//!
//! tokio's own paused clock advances by itself whenever no task is ready, which includes the
//! moments in which bytes are in transit between two sockets. This clock does not, so a busy
//! machine cannot make anything late.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{
    future::poll_fn,
    pin::pin,
    sync::mpsc,
    task::{Context, Poll},
    time::Duration,
};

/// How long a test may hang, by the real clock. After that, the paused clock advances by itself, so
/// that every wait ends.
const HANG: Duration = Duration::from_secs(120);

/// After this many turns of the runtime nothing is left to do. It is far more than there are tasks
/// and sockets that wake each other.
const TURNS: usize = 300;

/// The steps in which time passes while waiting.
const STEP: Duration = Duration::from_millis(100);

/// The paused clock of a runtime. It stands still until this is dropped.
pub(crate) struct Clock {
    _stands: mpsc::Sender<()>,
}

impl Clock {
    /// Pauses the clock of this runtime, which must have a single thread.
    pub(crate) fn stop() -> Self {
        tokio::time::pause();
        let (stands, until) = mpsc::channel::<()>();
        // A paused clock does not advance by itself while a blocking task runs.
        tokio::task::spawn_blocking(move || until.recv_timeout(HANG));
        Self { _stands: stands }
    }

    /// Lets everything happen that needs no time: everything in transit arrives, is read and
    /// answered.
    pub(crate) async fn settle(&self) {
        for _ in 0..TURNS {
            // Polls sockets and timers, and runs what they wake.
            tokio::task::yield_now().await;
        }
        // The kernel may have work to do for sockets, too.
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }

    /// Lets time pass, and then lets all consequences happen.
    pub(crate) async fn pass(&self, time: Duration) {
        self.settle().await;
        tokio::time::advance(time).await;
        self.settle().await;
    }

    /// Returns the result of an event that needs no time; `None` if it would have to be waited
    /// for. A timeout of zero would not do: timers need a millisecond to fire.
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

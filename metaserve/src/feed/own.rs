//! The feed of the servers that are connected to this member of a cluster.

use super::{run::Run, single::Feed, ticker::Ticker};
use crate::{list::Clock, time};
use std::{sync::Arc, time::Duration};

/// One feed, with a tick of its own.
pub(crate) struct Own {
    feed: Arc<Feed>,
    ticker: Arc<Ticker<Feed>>,
}

impl Own {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        let run = Arc::new(Run::clustered(fastrand::u64(1..), clock));
        let ticker = Arc::new(Ticker::new());
        let feed = Feed::own(run, ticker.clone());
        Self { feed, ticker }
    }

    pub(crate) fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Changes come that belong together, until [`end`](Self::end).
    pub(crate) fn begin(&self) {
        self.ticker.begin();
    }

    /// They are complete.
    pub(crate) fn end(&self) {
        self.ticker.end();
    }

    /// Turns all changes so far into a frame, without waiting for the tick. Returns false if some
    /// belong to a group that is not complete yet.
    pub(crate) fn settle(&self) -> bool {
        self.ticker.settle(time::now())
    }

    /// Turns changes into frames until it is dropped.
    pub(crate) async fn run(&self, tick: Duration) {
        self.ticker.run(tick, |_| {}).await;
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.ticker.forget();
    }
}

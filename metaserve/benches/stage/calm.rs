//! One tick of all feeds, without waiting: for benchmarks and fuzz targets.

use metaserve::feed::Feeds;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};
use tokio::runtime::Runtime;

/// Makes the frames of all changes, and wakes all clients.
pub(crate) fn tick(runtime: &Runtime, feeds: &Feeds) {
    let _context = runtime.enter();
    let again = Arc::new(Again::default());
    let waker = Waker::from(again.clone());
    // Without time between ticks everything is due at once, but the feed yields between two groups
    // of clients.
    let mut run = pin!(feeds.run(Duration::ZERO));
    loop {
        let polled = run.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "the feeds never end");
        if !again.0.swap(false, Ordering::Relaxed) {
            return;
        }
    }
}

/// Whether there is more to do at once.
#[derive(Default)]
struct Again(AtomicBool);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

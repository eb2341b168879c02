//! When frames are made and clients are woken: at once for the first change after a calm tick, with
//! the tick for later ones.

use crate::time;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A feed, as its ticker sees it.
pub(super) trait Ticking {
    /// When it was last flushed; none before the first time.
    fn flushed(&self) -> Option<Instant>;

    /// Takes in all changes since then, so that there are new frames to send. Returns false, with
    /// nothing done, if `held` says that some of them are incomplete.
    fn flush(&self, now: Instant, held: impl Fn() -> bool) -> bool;

    /// Lets its followers take the new frames.
    fn wake(&self);
}

/// Moves on the feeds in which something has changed since their last flush.
#[derive(Debug)]
pub(super) struct Ticker<F> {
    changed: Mutex<Vec<Arc<F>>>,
    added: Notify,
    /// How many groups of changes have begun that are not complete.
    held: AtomicUsize,
    /// A feed was due meanwhile, and is not flushed yet.
    held_up: AtomicBool,
    /// Here and not in `run`, so that nothing is forgotten when that is dropped.
    agenda: Mutex<Agenda<Arc<F>>>,
}

impl<F: Ticking> Ticker<F> {
    pub(super) fn new() -> Self {
        Self {
            changed: Mutex::default(),
            added: Notify::new(),
            held: AtomicUsize::new(0),
            held_up: AtomicBool::new(false),
            agenda: Mutex::default(),
        }
    }

    /// Something has changed in this feed, for the first time since its last flush.
    pub(super) fn add(&self, feed: Arc<F>) {
        self.changed.lock().push(feed);
        self.added.notify_one();
    }

    /// Changes come that belong together: until [`end`](Self::end) no feed is flushed.
    pub(super) fn begin(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
    }

    /// They are complete.
    pub(super) fn end(&self) {
        if self.held.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.added.notify_one();
        }
    }

    fn held(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }

    /// Whether a feed is due, and not flushed since changes that belong together are incomplete.
    pub(super) fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::SeqCst)
    }

    /// Lets go of all feeds. They hold this, so that without it neither would ever be freed.
    pub(super) fn forget(&self) {
        let waiting = mem::take(&mut *self.changed.lock());
        let due = mem::take(&mut self.agenda.lock().tasks);
        // Dropped here, with nothing locked.
        drop((waiting, due));
    }

    /// Flushes feeds as they become due, for as long as it is polled. `observe` is told how long
    /// each round of flushing took.
    pub(super) async fn run(&self, tick: Duration, mut observe: impl FnMut(Duration)) {
        self.agenda.lock().tick = tick;
        loop {
            let now = time::now();
            let done = self.work(now);
            if done.flushed {
                observe(time::now().saturating_duration_since(now));
            }
            match done.next {
                Some(next) => tokio::select! {
                    () = self.added.notified() => {}
                    () = tokio::time::sleep_until(next.into()) => {}
                },
                None => self.added.notified().await,
            }
        }
    }

    /// Flushes all feeds that have changed, whether or not they are due. Returns false if changes
    /// that belong together are incomplete.
    pub(super) fn settle(&self, now: Instant) -> bool {
        {
            let mut agenda = self.agenda.lock();
            let changed = mem::take(&mut *self.changed.lock());
            let waiting = mem::take(&mut agenda.tasks).into_values();
            waiting
                .chain(changed)
                .for_each(|feed| agenda.add(now, feed));
        }
        self.work(now);
        self.agenda.lock().tasks.is_empty()
    }

    /// Flushes the feeds that are due, and wakes their followers.
    fn work(&self, now: Instant) -> Done {
        let mut agenda = self.agenda.lock();
        let changed = mem::take(&mut *self.changed.lock());
        for feed in changed {
            let flushed = feed.flushed();
            agenda.changed(feed, flushed, now);
        }
        let mut flushed = false;
        while let Some(feed) = agenda.due(now) {
            if !feed.flush(now, || self.held()) {
                agenda.add(now, feed);
                self.held_up.store(true, Ordering::SeqCst);
                // `end` wakes us.
                let next = None;
                return Done { flushed, next };
            }
            flushed = true;
            feed.wake();
        }
        self.held_up.store(false, Ordering::SeqCst);
        let next = agenda.next();
        Done { flushed, next }
    }
}

/// The work done at one moment.
struct Done {
    /// There are new frames.
    flushed: bool,
    /// When there is more to do.
    next: Option<Instant>,
}

/// Which feeds are to be flushed when, pure.
#[derive(Debug)]
struct Agenda<F> {
    tick: Duration,
    tasks: BTreeMap<(Instant, u64), F>,
    /// Keeps feeds of one instant in the order in which they came.
    order: u64,
}

impl<F> Default for Agenda<F> {
    fn default() -> Self {
        Self {
            tick: Duration::ZERO,
            tasks: BTreeMap::new(),
            order: 0,
        }
    }
}

impl<F> Agenda<F> {
    fn add(&mut self, at: Instant, feed: F) {
        self.order += 1;
        self.tasks.insert((at, self.order), feed);
    }

    /// A feed that was flushed at `flushed` has a change again: one tick later, or now.
    fn changed(&mut self, feed: F, flushed: Option<Instant>, now: Instant) {
        let due = flushed.map_or(now, |flushed| now.max(flushed + self.tick));
        self.add(due, feed);
    }

    fn due(&mut self, now: Instant) -> Option<F> {
        let first = self.tasks.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn next(&self) -> Option<Instant> {
        self.tasks.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    fn ticking() -> Agenda<&'static str> {
        Agenda {
            tick: TICK,
            ..Agenda::default()
        }
    }

    fn all_due(agenda: &mut Agenda<&'static str>, now: Instant) -> Vec<&'static str> {
        std::iter::from_fn(|| agenda.due(now)).collect()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_first_change_after_calm_goes_out_at_once_and_the_next_with_the_tick() {
        let start = Instant::now();
        let mut agenda = ticking();
        agenda.changed("a", None, start);
        assert_eq!(all_due(&mut agenda, start), ["a"]);

        let soon = start + TICK / 10;
        agenda.changed("a", Some(start), soon);
        assert_eq!(all_due(&mut agenda, soon), [""; 0]);
        assert_eq!(agenda.next(), Some(start + TICK));
        assert_eq!(all_due(&mut agenda, start + TICK), ["a"]);

        let later = start + 5 * TICK;
        agenda.changed("a", Some(start + TICK), later);
        assert_eq!(all_due(&mut agenda, later), ["a"]);
    }
}

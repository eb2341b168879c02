//! When frames are made and clients are woken: at once for the first change after a calm tick, with
//! the tick for later ones; then one group of clients after the other.

use crate::time;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
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

    /// How many groups of followers to wake.
    fn groups(&self) -> usize;

    /// Lets a group take the new frames. Returns whether that was new to any follower.
    fn wake(&self, group: usize) -> bool;
}

/// Moves on the feeds in which something has changed since their last flush.
#[derive(Debug)]
pub(super) struct Ticker<F> {
    changed: Mutex<Vec<Arc<F>>>,
    added: Notify,
    /// How many groups of changes have begun that are not complete.
    held: AtomicUsize,
    /// Here and not in `run`, so that nothing is forgotten when that is dropped.
    agenda: Mutex<Agenda<Arc<F>>>,
}

impl<F: Ticking> Ticker<F> {
    pub(super) fn new() -> Self {
        Self {
            changed: Mutex::default(),
            added: Notify::new(),
            held: AtomicUsize::new(0),
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
                // On a worker this continues once the woken clients have had their turn, and the
                // packets that arrived in the meantime have been read.
                _ if done.woke => tokio::task::yield_now().await,
                Some(next) => tokio::select! {
                    () = self.added.notified() => {}
                    () = tokio::time::sleep_until(next.into()) => {}
                },
                None => self.added.notified().await,
            }
        }
    }

    /// Does what is due, up to the first group of clients that is woken.
    fn work(&self, now: Instant) -> Done {
        let mut agenda = self.agenda.lock();
        let changed = mem::take(&mut *self.changed.lock());
        for feed in changed {
            let flushed = feed.flushed();
            agenda.changed(feed, flushed, now);
        }
        let (mut flushed, mut woke) = (false, false);
        while !woke && let Some((feed, task)) = agenda.due(now) {
            match task {
                Task::Flush if feed.flush(now, || self.held()) => {
                    flushed = true;
                    agenda.flushed(&feed, feed.groups(), now);
                }
                Task::Flush => {
                    agenda.add(now, feed, Task::Flush);
                    // `end` wakes us.
                    return Done {
                        flushed,
                        woke,
                        next: None,
                    };
                }
                Task::Wake(group) => woke = feed.wake(group),
            }
        }
        let next = agenda.next();
        Done {
            flushed,
            woke,
            next,
        }
    }
}

/// The work done at one moment.
struct Done {
    /// There are new frames.
    flushed: bool,
    /// Somebody was woken.
    woke: bool,
    /// When there is more to do.
    next: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Make new frames.
    Flush,
    /// Let this group of clients take them.
    Wake(usize),
}

/// The tasks and their times, pure.
#[derive(Debug)]
struct Agenda<F> {
    tick: Duration,
    tasks: BTreeMap<(Instant, u64), (F, Task)>,
    /// Keeps tasks of one instant in the order in which they came.
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

impl<F: Clone> Agenda<F> {
    fn add(&mut self, at: Instant, feed: F, task: Task) {
        self.order += 1;
        self.tasks.insert((at, self.order), (feed, task));
    }

    /// A feed that was flushed at `flushed` has a change again: one tick later, or now.
    fn changed(&mut self, feed: F, flushed: Option<Instant>, now: Instant) {
        let due = flushed.map_or(now, |flushed| now.max(flushed + self.tick));
        self.add(due, feed, Task::Flush);
    }

    /// A feed has new frames for so many groups of followers.
    fn flushed(&mut self, feed: &F, groups: usize, now: Instant) {
        for group in 0..groups {
            self.add(now, feed.clone(), Task::Wake(group));
        }
    }

    fn due(&mut self, now: Instant) -> Option<(F, Task)> {
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

    fn all_due(agenda: &mut Agenda<&'static str>, now: Instant) -> Vec<(&'static str, Task)> {
        std::iter::from_fn(|| agenda.due(now)).collect()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_first_change_after_calm_goes_out_at_once_and_the_next_with_the_tick() {
        let start = Instant::now();
        let mut agenda = ticking();
        agenda.changed("a", None, start);
        assert_eq!(all_due(&mut agenda, start), [("a", Task::Flush)]);

        let soon = start + TICK / 10;
        agenda.changed("a", Some(start), soon);
        assert_eq!(all_due(&mut agenda, soon), []);
        assert_eq!(agenda.next(), Some(start + TICK));
        assert_eq!(all_due(&mut agenda, start + TICK), [("a", Task::Flush)]);

        let later = start + 5 * TICK;
        agenda.changed("a", Some(start + TICK), later);
        assert_eq!(all_due(&mut agenda, later), [("a", Task::Flush)]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn clients_are_woken_one_group_after_the_other_as_soon_as_there_are_frames() {
        let start = Instant::now();
        let mut agenda = ticking();
        agenda.flushed(&"a", 2, start);
        let group = |group| ("a", Task::Wake(group));
        assert_eq!(all_due(&mut agenda, start), [group(0), group(1)]);
    }
}

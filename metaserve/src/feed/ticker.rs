//! When frames are made and who is woken: the first change after calm at once, later ones with
//! the tick.

use super::{Feed, GROUPS, lock};
use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Feeds in which something has changed since their last flush.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    feeds: Mutex<Vec<Arc<Feed>>>,
    added: Notify,
    /// Here and not in `run`, so that nothing is forgotten when that is dropped.
    agenda: Mutex<Agenda<Arc<Feed>>>,
}

impl Dirty {
    pub(super) fn add(&self, feed: Arc<Feed>) {
        lock(&self.feeds).push(feed);
        self.added.notify_one();
    }

    /// Lets go of all feeds. They hold this, so that without it neither would ever be freed.
    pub(crate) fn forget(&self) {
        let waiting = mem::take(&mut *lock(&self.feeds));
        let due = mem::take(&mut lock(&self.agenda).tasks);
        // Dropped here, with nothing locked.
        drop((waiting, due));
    }

    /// Flushes feeds as they become due, for as long as it is polled. `observe` is told how long
    /// each round of flushing took.
    pub(crate) async fn run(&self, tick: Duration, mut observe: impl FnMut(Duration)) {
        lock(&self.agenda).tick = tick;
        loop {
            #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
            let now = tokio::time::Instant::now().into_std();
            let (flushed, next) = self.work(now);
            if flushed {
                #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
                let end = tokio::time::Instant::now().into_std();
                observe(end.saturating_duration_since(now));
            }
            match next {
                Some(next) => tokio::select! {
                    () = self.added.notified() => {}
                    () = tokio::time::sleep_until(next.into()) => {}
                },
                None => self.added.notified().await,
            }
        }
    }

    /// Does what is due, and says whether anything was flushed, and when there is more to do.
    fn work(&self, now: Instant) -> (bool, Option<Instant>) {
        let mut agenda = lock(&self.agenda);
        for feed in mem::take(&mut *lock(&self.feeds)) {
            let flushed = lock(&feed.state).flushed;
            agenda.changed(feed, flushed, now);
        }
        let mut flushed = false;
        while let Some((feed, task)) = agenda.due(now) {
            match task {
                Task::Flush => {
                    feed.flush(now);
                    flushed = true;
                    agenda.flushed(&feed, feed.followers(), now);
                }
                Task::Wake(group) => feed.wake(group),
            }
        }
        (flushed, agenda.next())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Make new frames.
    Flush,
    /// Let this group of clients take them.
    Wake(usize),
}

/// What is to be done when, pure.
///
/// Clients are woken in groups over a small part of the tick. In one burst to a thousand
/// connections the acknowledgements come late, behind the sending, so that QUIC probes for them:
/// 1.6 to 3.7 packets for every message were measured.
#[derive(Debug)]
struct Agenda<F> {
    tick: Duration,
    tasks: BTreeMap<(Instant, u64), (F, Task)>,
    /// Keeps tasks of one instant in the order in which they came.
    order: u64,
}

/// Over how much time all groups are woken, at most; a tenth of the tick if that is less. It
/// adds to the latency of the last group.
const SPREAD: Duration = Duration::from_millis(20);

/// Up to this many clients are woken together.
const FEW_FOLLOWERS: usize = 64;

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

    /// A feed has new frames for `followers` clients.
    fn flushed(&mut self, feed: &F, followers: usize, now: Instant) {
        let spread = if followers > FEW_FOLLOWERS {
            SPREAD.min(self.tick / 10)
        } else {
            Duration::ZERO
        };
        for group in 0..GROUPS {
            let after = spread * group as u32 / GROUPS as u32;
            self.add(now + after, feed.clone(), Task::Wake(group));
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
    fn many_clients_are_woken_one_group_after_the_other_and_few_at_once() {
        let start = Instant::now();
        let mut agenda = ticking();
        agenda.flushed(&"few", 10, start);
        assert_eq!(all_due(&mut agenda, start).len(), GROUPS);
        agenda.flushed(&"many", 1000, start);
        assert_eq!(all_due(&mut agenda, start).len(), 1);
        assert_eq!(all_due(&mut agenda, start + SPREAD).len(), GROUPS - 1);
    }
}

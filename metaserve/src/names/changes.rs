//! Changes that watchers are told of, no faster than the daemon can afford.

use super::{core::Names, key::Key};
use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

/// What it costs to tell one watch of one change, as far as this is limited: a million per second.
const COST: Duration = Duration::from_micros(1);

/// How much may be told at once.
const AT_ONCE: Duration = Duration::from_millis(10);

/// How many changed keys may wait.
const MAX_WAITING: usize = 100_000;

/// Keys whose watchers are to be told of them, in the order of the first change.
#[derive(Debug)]
pub(super) struct Changes {
    keys: VecDeque<Key>,
    waiting: HashSet<Key>,
    /// When everything that was told is paid.
    paid: Instant,
}

impl Changes {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            keys: VecDeque::new(),
            waiting: HashSet::new(),
            paid: now,
        }
    }

    pub(super) fn add(&mut self, key: &Key) {
        if self.waiting.insert(key.clone()) {
            self.keys.push_back(key.clone());
        }
    }

    /// When more can be told; none if there is nothing to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.keys.is_empty()).then_some(self.paid)
    }

    fn next(&mut self, now: Instant) -> Option<Key> {
        if self.paid > now + AT_ONCE && self.keys.len() < MAX_WAITING {
            return None;
        }
        let key = self.keys.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }

    fn pay(&mut self, watches: usize, now: Instant) {
        let cost = COST * u32::try_from(watches).unwrap_or(u32::MAX);
        self.paid = self.paid.max(now) + cost;
    }
}

impl Names {
    /// Watchers of changed keys are told of their state, as many as can be now.
    pub(super) fn tell_changes(&mut self, now: Instant) {
        while let Some(key) = self.changes.next(now) {
            let watches = self.watches.of(&key);
            self.changes.pay(watches.len(), now);
            for (peer, id) in watches {
                let mut reset = None;
                self.stir(peer, id, |watch| {
                    watch.touch(&key);
                    reset = watch.is_reset().then(|| watch.prefix.clone());
                });
                // It costs nothing more until its peer reads again.
                if let Some(prefix) = reset {
                    self.watches.remove(&prefix, (peer, id));
                }
            }
        }
    }
}

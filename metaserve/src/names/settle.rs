//! Keys that wait for their former holders: all of them after a start, and those that were held
//! after the daemon stood still.

use super::{
    SETTLE,
    core::{Names, Timer},
    key::Key,
    watch::Watch,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Which keys are granted to former holders only.
#[derive(Debug)]
pub(super) struct Settle {
    stage: Stage,
    /// Of each key, the greatest epoch that was granted. Nobody with a smaller one is a former holder.
    granted: HashMap<Key, u64>,
}

#[derive(Debug)]
enum Stage {
    /// All keys wait; so long as soon as it is known whether epochs can be reserved.
    Starting(Duration),
    /// All keys wait.
    All(Instant),
    /// Those wait that were held when the daemon stood still.
    Held(Instant),
    Over,
}

impl Settle {
    pub(super) fn new(time: Duration) -> Self {
        let stage = match time.is_zero() {
            true => Stage::Over,
            false => Stage::Starting(time),
        };
        let granted = HashMap::new();
        Self { stage, granted }
    }

    /// Whether former holders of every key are waited for.
    pub(super) const fn is_for_all(&self) -> bool {
        matches!(self.stage, Stage::Starting(_) | Stage::All(_))
    }

    /// How long the key still waits for its former holder; none if it does not.
    pub(super) fn left(&self, key: &Key, now: Instant) -> Option<Duration> {
        match self.stage {
            Stage::Starting(time) => Some(time),
            Stage::All(until) => Some(until.saturating_duration_since(now)),
            Stage::Held(until) if self.granted.contains_key(key) => {
                Some(until.saturating_duration_since(now))
            }
            Stage::Held(_) | Stage::Over => None,
        }
    }

    /// Why it waits.
    pub(super) const fn why(&self) -> &'static str {
        match self.is_for_all() {
            true => "the daemon has just started and waits for former holders",
            false => "the daemon stood still and waits for former holders",
        }
    }

    /// The least epoch that shows a former holder.
    pub(super) fn least(&self, key: &Key) -> u64 {
        self.granted.get(key).copied().unwrap_or_default()
    }

    /// Whether `most` keys are noted, without this one.
    pub(super) fn is_full(&self, key: &Key, most: usize) -> bool {
        self.granted.len() >= most && !self.granted.contains_key(key)
    }

    pub(super) fn granted(&mut self, key: &Key, epoch: u64) {
        if self.is_for_all() {
            self.granted.insert(key.clone(), epoch);
        } else if let Some(greatest) = self.granted.get_mut(key) {
            *greatest = epoch;
        }
    }

    /// The holder has released the key. After a start a stale holder may still come.
    pub(super) fn released(&mut self, key: &Key) {
        if !self.is_for_all() {
            self.granted.remove(key);
        }
    }

    const fn until(&self) -> Option<Instant> {
        match self.stage {
            Stage::All(until) | Stage::Held(until) => Some(until),
            Stage::Starting(_) | Stage::Over => None,
        }
    }
}

impl Names {
    /// It is known whether epochs can be reserved.
    pub(super) fn started_to_settle(&mut self, now: Instant) {
        if let Stage::Starting(time) = self.settle.stage {
            self.settle_until(Stage::All(now + time));
        }
    }

    /// The daemon stood still: connections of holders may have ended for no other reason.
    pub(super) fn stood_still(&mut self, now: Instant) {
        match self.settle.stage {
            Stage::Starting(_) => {}
            Stage::All(_) => self.settle_until(Stage::All(now + SETTLE)),
            Stage::Held(_) | Stage::Over => {
                let held = self.claims.iter();
                let held = held.map(|(key, claim)| (key.clone(), claim.epoch));
                self.settle.granted.extend(held);
                self.settle_until(Stage::Held(now + SETTLE));
            }
        }
    }

    fn settle_until(&mut self, stage: Stage) {
        if let Some(until) = self.settle.until() {
            self.timers.remove(&(until, Timer::Settled));
        }
        self.settle.stage = stage;
        if let Some(until) = self.settle.until() {
            self.timers.insert((until, Timer::Settled));
        }
    }

    pub(super) fn settled(&mut self, now: Instant) {
        self.settle = Settle::new(Duration::ZERO);
        let keys: Vec<Key> = self.starting.keys().cloned().collect();
        for key in keys {
            self.place(&key, now);
        }
        for (peer, id) in self.watches.all() {
            self.stir(peer, id, Watch::settled);
        }
    }
}

//! All keys with a prefix.

use super::{
    Asks, Connection, Names,
    holder::{Holder, Texts},
};
use crate::core::{Change, Error, State, thread::Lease, walk::Walk};
use futures::{FutureExt, StreamExt};
use metaserve_client::names::{self, Key, Prefix, Snapshot};
use std::ffi::c_char;

/// A watch: what the program sees of it changes only when it polls.
#[derive(Debug)]
pub(crate) struct Watch {
    /// None after its end.
    items: Option<names::Watch>,
    /// That of the connection, until the watch ends.
    connection: Connection,
    failed: Option<String>,
    shown: Snapshot,
    /// Whether it has come before the program's first poll.
    unseen: bool,
    /// The one before, which still has the keys that were removed.
    before: Snapshot,
    walk: Walk<Key>,
    texts: Texts,
    /// Dropped last.
    lease: Lease,
}

impl Watch {
    pub(crate) fn open(names: &Names, asks: Asks) -> Result<Self, Error> {
        let prefix = Prefix::new(&asks.key).map_err(Error::argument)?;
        let mut watch = Self {
            items: Some(names.connection.names.watch(prefix.as_str())),
            connection: names.connection.clone(),
            failed: None,
            shown: Snapshot::default(),
            unseen: false,
            before: Snapshot::default(),
            walk: Walk::default(),
            texts: Texts::default(),
            lease: Lease::new()?,
        };
        // This begins to ask.
        watch.unseen = watch.poll();
        Ok(watch)
    }

    pub(crate) fn poll(&mut self) -> bool {
        if std::mem::take(&mut self.unseen) {
            return true;
        }
        let Some(items) = &mut self.items else {
            return false;
        };
        let polled = {
            let _inside = self.lease.enter();
            items.next().now_or_never()
        };
        match polled {
            None => false,
            Some(Some(Ok(newer))) => {
                self.show(newer);
                true
            }
            Some(ended) => {
                let why = ended.and_then(Result::err);
                let why = why.map_or("the watch has ended".into(), |error| error.to_string());
                self.failed = Some(why);
                self.items = None;
                false
            }
        }
    }

    fn show(&mut self, newer: Snapshot) {
        self.before = std::mem::replace(&mut self.shown, newer);
        let changes = self.shown.changes();
        let kinds = [
            (Change::Removed, &changes.removed),
            (Change::Updated, &changes.updated),
            (Change::Added, &changes.added),
        ];
        let each = kinds
            .iter()
            .flat_map(|(kind, keys)| keys.iter().map(|key| (*kind, key.clone())));
        self.walk.begin(each);
    }

    pub(crate) fn count(&self) -> usize {
        self.shown.len()
    }

    pub(crate) fn rewind(&mut self) {
        self.walk.rewind();
    }

    pub(crate) fn next(&mut self) -> Option<Holder> {
        let shown = &self.shown;
        let key = self
            .walk
            .next(|| shown.iter().map(|(key, _)| key.clone()))?;
        let entry = shown.get(key.as_str())?;
        let (epoch, value) = (entry.epoch, &entry.value);
        Some(self.texts.holder(key.as_str(), epoch, value, None))
    }

    pub(crate) fn next_change(&mut self) -> Option<(Change, Holder)> {
        let (kind, key) = self.walk.next_change()?;
        let snapshot = match kind {
            Change::Removed => &self.before,
            Change::Added | Change::Updated => &self.shown,
        };
        let entry = snapshot.get(key.as_str())?;
        let (epoch, value) = (entry.epoch, &entry.value);
        Some((kind, self.texts.holder(key.as_str(), epoch, value, None)))
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let (state, text) = match &self.failed {
            Some(why) => (State::Ended, why.clone()),
            None => self.connection.stands(),
        };
        (state, self.texts.text.set(&text))
    }
}

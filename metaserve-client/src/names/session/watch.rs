//! A watch: the keys with a prefix, as the daemon tells them.

use super::{Kind, Next, Session};
use crate::names::{Entry, error::Failed};
use bytes::Bytes;
use imbl::OrdMap;
use metaserve::{
    names::{Answer, Key, Prefix},
    protocol::{codec, names::FromPeer},
};
use std::{sync::Arc, time::Instant};
use tokio::sync::watch;

/// All keys that are held.
pub(in crate::names) type Keys = OrdMap<Key, Arc<Entry>>;

/// What the reader of a watch sees.
#[derive(Clone, Debug)]
pub(in crate::names) struct Seen {
    /// The keys; none before they were all told once.
    pub(in crate::names) keys: Option<Keys>,
    /// Since when they may be out of date.
    pub(in crate::names) stale_since: Option<Instant>,
    pub(in crate::names) failed: Option<Failed>,
}

#[derive(Debug)]
pub(super) struct Watch {
    prefix: Prefix,
    max_bytes: usize,
    /// The keys that were told so far, while the daemon tells all of them.
    listing: Option<Told>,
    /// The same keys, and those that were there before.
    shown: Told,
    seen: watch::Sender<Seen>,
}

#[derive(Debug, Default)]
struct Told {
    keys: Keys,
    bytes: usize,
}

impl Session {
    /// Follows all keys with a prefix.
    pub(in crate::names) fn watch(
        &mut self,
        prefix: Prefix,
        max_bytes: usize,
        now: Instant,
    ) -> (u64, watch::Receiver<Seen>) {
        let (sender, seen) = watch::channel(Seen {
            keys: None,
            stale_since: Some(now),
            failed: None,
        });
        let watch = Watch {
            prefix,
            max_bytes,
            listing: None,
            shown: Told::default(),
            seen: sender,
        };
        (self.begin(Kind::Watch(watch), None), seen)
    }
}

impl Watch {
    pub(super) fn say(&mut self, id: u64) -> Option<Bytes> {
        self.listing = Some(Told::default());
        let prefix = self.prefix.as_str();
        Some(codec::frame(FromPeer::Watch { id, prefix }))
    }

    pub(super) fn answered(&mut self, answer: Answer) -> Next {
        match answer {
            Answer::Up {
                key, epoch, value, ..
            } => {
                let entry = Arc::new(Entry { epoch, value });
                if let Some(listing) = &mut self.listing {
                    listing.put(key.clone(), entry.clone());
                }
                self.shown.put(key, entry);
                if self.shown.bytes > self.max_bytes {
                    let failed = Failed::TooMuch(self.max_bytes);
                    self.seen.send_modify(|seen| seen.failed = Some(failed));
                    return Next::Release;
                }
            }
            Answer::Down { key, .. } => {
                if let Some(listing) = &mut self.listing {
                    listing.remove(&key);
                }
                self.shown.remove(&key);
            }
            Answer::Current { .. } => {
                if let Some(listing) = self.listing.take() {
                    self.shown = listing;
                }
            }
            Answer::Reset { .. } => {
                self.listing = Some(Told::default());
                return Next::Goes;
            }
            _ => return Next::Goes,
        }
        let current = self.listing.is_none();
        self.seen.send_if_modified(|seen| {
            // At first nothing is shown before all keys are told. Later what is new is shown at once,
            // and what is gone when all keys are told again.
            let shows = current || seen.keys.is_some();
            if shows {
                seen.keys = Some(self.shown.keys.clone());
            }
            if current {
                seen.stale_since = None;
            }
            shows
        });
        Next::Goes
    }

    /// The keys stay as they were last seen, and grow old.
    pub(super) fn disconnected(&mut self, now: Instant) {
        self.listing = None;
        self.seen.send_if_modified(|seen| {
            seen.stale_since.get_or_insert(now);
            false
        });
    }

    pub(super) fn fail(self, why: Failed) {
        self.seen.send_modify(|seen| seen.failed = Some(why));
    }
}

impl Told {
    fn put(&mut self, key: Key, entry: Arc<Entry>) {
        self.bytes += size(&key, &entry);
        if let Some(former) = self.keys.insert(key.clone(), entry) {
            self.bytes -= size(&key, &former);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(former) = self.keys.remove(key) {
            self.bytes -= size(key, &former);
        }
    }
}

fn size(key: &Key, entry: &Entry) -> usize {
    key.as_str().len() + entry.value.len()
}

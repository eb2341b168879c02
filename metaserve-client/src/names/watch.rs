//! Following all keys with a prefix.

use super::{
    error::Failed,
    session::{Keys, Seen, Session},
    shared::{Handle, Open},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use imbl::ordmap::DiffItem;
use metaserve::{
    names::{InvalidKey, Key, Prefix},
    time::now,
};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tokio::sync::watch;

/// The holder of a key, in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The epoch of its claim.
    pub epoch: u64,
    /// What it says of itself, unchanged.
    pub value: Bytes,
}

/// All keys with a prefix at one moment, in their order. Immutable, and cheap to clone: snapshots
/// share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    keys: Keys,
    changes: Arc<Changes>,
}

/// What has changed from one snapshot to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that were free.
    pub added: Vec<Key>,
    /// Keys in both, with another epoch or value.
    pub updated: Vec<Key>,
    /// Keys that are free now.
    pub removed: Vec<Key>,
}

impl Changes {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

impl Snapshot {
    /// The holder of a key; none if it is free, or has another prefix.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.keys.get(key).map(|entry| &**entry)
    }

    /// All keys that are held, in ascending order, with their holders.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.keys.iter().map(|(key, entry)| (key, &**entry))
    }

    /// How many keys are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What has changed since the previous item of the stream; for the first item, all keys were
    /// added.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// These keys, with their changes counted from `previous`. Costs what has changed.
    fn since(keys: Keys, previous: &Keys) -> Self {
        let mut changes = Changes::default();
        for item in previous.diff(&keys) {
            match item {
                DiffItem::Add(key, _) => changes.added.push(key.clone()),
                DiffItem::Update {
                    old: (_, old),
                    new: (key, new),
                } if old != new => changes.updated.push(key.clone()),
                DiffItem::Update { .. } => {}
                DiffItem::Remove(key, _) => changes.removed.push(key.clone()),
            }
        }
        let changes = Arc::new(changes);
        Self { keys, changes }
    }
}

/// All keys with a prefix, as a stream of snapshots: [`Names::watch`](super::Names::watch) makes it.
///
/// The first item comes when the daemon has told all keys. Each further item is the state after one
/// or more changes: a slow reader gets the newest state, never a growing backlog. While there is no
/// connection the stream says nothing, and then goes on with what has changed: there is no empty
/// snapshot in between. After a restart the daemon waits 15 s for former holders; keys that nobody
/// holds again are removed then. [`stale_since`](Self::stale_since) says how old the last item is.
///
/// Nothing is asked for before the first poll. Polling is cancel-safe. Dropping the stream ends the
/// watch. Memory: the keys and their values, at most [`max_bytes`](Self::max_bytes) twice.
///
/// # Errors
/// The last item is an error, [`Failed`]: the prefix is not one, the daemon refuses the watch, or
/// connecting again cannot help.
#[must_use = "a stream does nothing unless polled"]
pub struct Watch {
    handle: Arc<Handle>,
    max_bytes: usize,
    /// Until the first poll.
    prefix: Option<Result<Prefix, InvalidKey>>,
    seen: Option<watch::Receiver<Seen>>,
    items: Items,
}

type Items = Pin<Box<dyn Stream<Item = Result<Snapshot, Failed>> + Send>>;

impl Watch {
    pub(super) fn new(handle: Arc<Handle>, prefix: Result<Prefix, InvalidKey>) -> Self {
        Self {
            handle,
            max_bytes: 64 * 1024 * 1024,
            prefix: Some(prefix),
            seen: None,
            items: stream::empty().boxed(),
        }
    }

    /// How many bytes all keys and their values may have. Default 64 MiB. A longer list ends the
    /// stream with [`Failed::TooMuch`]. After the first poll it changes nothing.
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Since when the newest item may be out of date: since the connection was lost. None while
    /// changes are followed, and before the first poll.
    #[must_use]
    pub fn stale_since(&self) -> Option<Instant> {
        self.seen.as_ref()?.borrow().stale_since
    }

    fn begin(&mut self, prefix: Prefix) {
        let max_bytes = self.max_bytes;
        let begin = |session: &mut Session| session.watch(prefix, max_bytes, now());
        let (open, seen) = Open::begin(&self.handle, begin);
        self.seen = Some(seen.clone());
        self.items = stream::unfold(Some((open, seen, None)), next)
            .fuse()
            .boxed();
    }
}

/// The request, what is seen of it, and the last item.
type State = (Open, watch::Receiver<Seen>, Option<Keys>);

/// The next item of the stream, and the state after it; none after an error.
async fn next(state: Option<State>) -> Option<(Result<Snapshot, Failed>, Option<State>)> {
    let (open, mut seen, previous) = state?;
    loop {
        let Seen { keys, failed, .. } = seen.borrow_and_update().clone();
        if let Some(failed) = failed {
            return Some((Err(failed), None));
        }
        if let Some(keys) = keys {
            let is_first = previous.is_none();
            let before = previous.as_ref().cloned().unwrap_or_default();
            let snapshot = Snapshot::since(keys.clone(), &before);
            if is_first || !snapshot.changes.is_empty() {
                return Some((Ok(snapshot), Some((open, seen, Some(keys)))));
            }
        }
        if seen.changed().await.is_err() {
            let failed = seen.borrow().failed.clone();
            return Some((Err(failed.unwrap_or(Failed::Closed)), None));
        }
    }
}

impl Stream for Watch {
    type Item = Result<Snapshot, Failed>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.prefix.take() {
            Some(Ok(prefix)) => self.begin(prefix),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => {}
        }
        self.items.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

//! Who owns the zones and the roles now, by one watch for the whole process.

use crate::roles::Owner;
use futures::StreamExt;
use metaserve_client::names::{Names, Snapshot};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;

/// How long to wait before a watch that has failed is begun anew.
const AGAIN: Duration = Duration::from_secs(1);

/// The owners of all keys with a prefix. Cheap to clone; follows for as long as one clone is there.
#[derive(Clone, Debug)]
pub(crate) struct Owners {
    seen: watch::Receiver<Option<Snapshot>>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Owners {
    /// Follows all keys with this prefix.
    pub(crate) fn follow(names: Names, prefix: &'static str) -> Self {
        let (sender, seen) = watch::channel(None);
        let task = tokio::spawn(async move {
            loop {
                let mut watch = names.watch(prefix);
                while let Some(Ok(snapshot)) = watch.next().await {
                    sender.send_replace(Some(snapshot));
                }
                sleep(AGAIN).await;
            }
        });
        let task = Arc::new(AbortOnDropHandle::new(task));
        Self { seen, _task: task }
    }

    /// All keys that are held, with their epochs and owners; none as long as the daemon has not told
    /// them.
    pub(crate) fn all(&self) -> Vec<(String, u64, Owner)> {
        let seen = self.seen.borrow();
        let all = seen.iter().flat_map(Snapshot::iter);
        all.filter_map(|(key, entry)| {
            let owner = Owner::of(&entry.value).ok()?;
            Some((key.as_str().to_owned(), entry.epoch, owner))
        })
        .collect()
    }

    /// The owner of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Owner> {
        let seen = self.seen.borrow();
        Owner::of(&seen.as_ref()?.get(key)?.value).ok()
    }

    /// Tells of changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Snapshot>> {
        self.seen.clone()
    }
}

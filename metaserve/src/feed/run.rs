//! What all feeds have in common.

use super::{
    elsewhere::{Elsewhere, Place},
    kind::Encoded,
};
use crate::{
    list::{Claim, Clock, Revision, Revisions},
    time,
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{sync::watch, time::timeout_at};

/// One run of the feeds, within which revisions can be compared.
#[derive(Debug)]
pub(super) struct Run {
    /// The list's own epoch, which nobody is told: each feed tells another one.
    epoch: AtomicU64,
    pub(super) revisions: Revisions,
    pub(super) encoded: Encoded,
    /// Present if clients of other members of a cluster can go on here.
    pub(super) cluster: Option<Cluster>,
}

/// What lets clients of other members go on here.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) clock: Arc<Clock>,
    pub(super) elsewhere: Mutex<Elsewhere>,
    /// Others are heard further than before.
    pub(super) news: watch::Sender<()>,
}

impl Run {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch: AtomicU64::new(epoch),
            revisions: Revisions::default(),
            encoded: Encoded::default(),
            cluster: None,
        }
    }

    /// The same for a member of a cluster.
    pub(super) fn clustered(epoch: u64, clock: Arc<Clock>) -> Self {
        Self {
            revisions: Revisions::Drawn(clock.clone()),
            cluster: Some(Cluster {
                clock,
                elsewhere: Mutex::default(),
                news: watch::Sender::default(),
            }),
            ..Self::new(epoch)
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    pub(super) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::SeqCst);
    }

    /// Whether a revision is another member's.
    pub(super) fn is_elsewhere(&self, revision: Revision) -> bool {
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(|cluster| Claim(revision.0).tag() != cluster.clock.tag())
    }

    /// Waits until this member has all that another one had at `given`, and returns the own
    /// revision since when its client is to be told what was touched. None if it has not by
    /// `until`, or if that is not known.
    ///
    /// Cancel-safe.
    pub(super) async fn since(&self, given: Revision, until: Instant) -> Option<Revision> {
        let (cluster, given) = (self.cluster.as_ref()?, Claim(given.0));
        let mut news = cluster.news.subscribe();
        loop {
            let place = cluster.elsewhere.lock().place(given, time::now());
            match place {
                Place::Since(revision) => return Some(revision),
                Place::Nowhere => return None,
                Place::Later => timeout_at(until.into(), news.changed()).await.ok()?.ok()?,
            }
        }
    }
}

//! Following a zone that somebody looks at: one reader of its outputs for the whole process, and one
//! task that sees to it that somebody owns it.

use super::{feed::Feed, frames::Revision, owners::Owners};
use crate::{
    ids::ZoneId,
    log::{Log, Outputs},
    shared::Shared,
};
use metaserve::{Backoff, Retry};
use metaserve_client::names::Snapshot;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// How many revisions are kept for readers: 12 s of a busy zone.
const KEPT: usize = 256;

/// How many are read at once, and for how long one read waits for the first.
const READ: (usize, Duration) = (64, Duration::from_secs(1));

/// How long a zone may have no owner before those who look at it are told.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a zone has to be owned before it counts as started.
const SETTLED: Duration = Duration::from_secs(5);

/// How long one attempt to have a zone started takes at most.
const START: Duration = Duration::from_secs(10);

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(250), Duration::from_secs(5))
}

/// The zones that somebody looks at.
#[derive(Debug)]
pub(super) struct Follows {
    shared: Shared,
    owners: Owners,
    zones: Mutex<HashMap<ZoneId, Weak<Follow>>>,
}

/// One zone that somebody looks at: followed until the last one drops it.
#[derive(Debug)]
pub(super) struct Follow {
    /// Which.
    pub(super) zone: ZoneId,
    /// What it tells, by revision.
    pub(super) feed: Arc<Feed<Arc<Revision>>>,
    /// A sentence while nobody owns it, for longer than one should have to wait.
    pub(super) trouble: watch::Receiver<Option<Arc<str>>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Follows {
    pub(super) fn new(shared: Shared, owners: Owners) -> Self {
        Self {
            shared,
            owners,
            zones: Mutex::default(),
        }
    }

    /// Follows a zone, together with all others who look at it.
    pub(super) fn look(&self, zone: &ZoneId) -> Arc<Follow> {
        let mut zones = self.zones.lock();
        if let Some(follow) = zones.get(zone).and_then(Weak::upgrade) {
            return follow;
        }
        zones.retain(|_, it| it.strong_count() > 0);
        let feed = Arc::new(Feed::new(KEPT));
        let (trouble, told) = watch::channel(None);
        let read = read(self.shared.log.clone(), zone.clone(), feed.clone());
        let keep_up = keep_up(
            self.shared.clone(),
            self.owners.clone(),
            zone.clone(),
            trouble,
        );
        let follow = Arc::new(Follow {
            zone: zone.clone(),
            feed,
            trouble: told,
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(read)),
                AbortOnDropHandle::new(tokio::spawn(keep_up)),
            ],
        });
        zones.insert(zone.clone(), Arc::downgrade(&follow));
        follow
    }
}

/// Reads what a zone tells, from its present revision on.
async fn read(log: Arc<dyn Log>, zone: ZoneId, feed: Arc<Feed<Arc<Revision>>>) {
    let mut backoff = backoff();
    let mut after = None;
    loop {
        let read = match after {
            Some(rev) => log.outputs(&zone, rev, READ.0, READ.1).await,
            None => Ok(Outputs::Gap),
        };
        match read {
            Ok(Outputs::Since(revisions)) => {
                backoff.reset();
                for (rev, output) in revisions {
                    feed.push(rev, Arc::new(Revision::new(rev, output)));
                    after = Some(rev);
                }
            }
            Ok(Outputs::Gap) => match log.stored(&zone).await {
                Ok(stored) => {
                    let rev = stored.map_or(0, |it| it.rev);
                    if after == Some(rev) {
                        // Lost, and not restored yet.
                        sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
                    }
                    feed.restart(rev);
                    after = Some(rev);
                }
                Err(error) => {
                    tracing::debug!(%zone, "cannot read the zone: {error}");
                    sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
                }
            },
            Err(error) => {
                tracing::debug!(%zone, "cannot read what the zone tells: {error}");
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
        }
    }
}

/// Has the zone started whenever nobody owns it.
async fn keep_up(
    shared: Shared,
    owners: Owners,
    zone: ZoneId,
    trouble: watch::Sender<Option<Arc<str>>>,
) {
    let key = zone.key();
    let mut seen = owners.subscribe();
    let mut backoff = backoff();
    loop {
        let start = start(&shared, &key);
        let mut start = std::pin::pin!(start);
        let started = match timeout(PATIENCE, start.as_mut()).await {
            Ok(started) => started,
            Err(_) => {
                let why = format!("nobody serves {zone} at the moment: it is being started");
                trouble.send_replace(Some(why.into()));
                start.await
            }
        };
        match started {
            Ok(()) => {
                // The watch may be a moment behind the answer.
                let held =
                    |it: &Option<Snapshot>| it.as_ref().is_some_and(|it| it.get(&key).is_some());
                let seen_held = seen.wait_for(held);
                if !matches!(timeout(PATIENCE, seen_held).await, Ok(Ok(_))) {
                    continue;
                }
                let ended = async { seen.wait_for(|it| !held(it)).await.is_ok() };
                let mut ended = std::pin::pin!(ended);
                match timeout(SETTLED, ended.as_mut()).await {
                    Ok(true) => {
                        let why = format!("{zone} has ended again at once: it is started anew");
                        trouble.send_replace(Some(why.into()));
                        sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
                        continue;
                    }
                    Ok(false) => return,
                    Err(_) => {}
                }
                backoff.reset();
                trouble.send_if_modified(|it| it.take().is_some());
                if !ended.await {
                    return;
                }
            }
            Err(why) => {
                tracing::debug!(%zone, "not started: {why}");
                trouble.send_replace(Some(format!("{zone} cannot be reached: {why}").into()));
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
        }
    }
}

/// Finds the owner of a zone's key, or has it started.
async fn start(shared: &Shared, key: &str) -> Result<(), String> {
    let found = shared.names.resolve(key).or_start("").within(START);
    let found = found.ticket(shared.ticket.clone()).await;
    found.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::memory::MemoryLog,
        roles,
        testing::{Daemon, MemoryKeeper},
    };

    #[tokio::test]
    async fn a_zone_at_which_nobody_looks_any_more_is_not_followed() {
        let daemon = Daemon::start();
        let shared = daemon.shared(Arc::new(MemoryLog::new()), MemoryKeeper::new());
        let owners = Owners::follow(shared.names.clone(), roles::PREFIX);
        let follows = Follows::new(shared, owners);
        let zone = "shared/meadow".parse().unwrap();
        let (first, second) = (follows.look(&zone), follows.look(&zone));
        let feed = Arc::downgrade(&first.feed);
        drop(first);
        assert!(
            feed.upgrade()
                .is_some_and(|it| Arc::ptr_eq(&it, &second.feed))
        );
        drop(second);
        let ended = async {
            while feed.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let ended = timeout(Duration::from_secs(60), ended).await;
        ended.expect("its reader ends");
    }
}

//! Who is woken when a list has changed.

use super::lock;
use crate::registry::Revision;
use std::{mem, sync::Mutex};
use tokio::sync::watch;

/// How many are woken together. A thousand at once would keep the daemon sending for so long that
/// it reads the acknowledgements too late, and QUIC probes for them: 1.6 to 3.7 packets for every
/// message were measured.
const GROUP: usize = 32;

/// Everybody who follows a feed, in groups.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// As many as there were ever needed: the place of one who leaves is given to the next.
    groups: Mutex<Vec<watch::Sender<Revision>>>,
}

impl Followers {
    /// One more, at a time when the list goes as far as `now`.
    pub(super) fn join(&self, now: Revision) -> watch::Receiver<Revision> {
        let mut groups = lock(&self.groups);
        let has_room = |group: &&watch::Sender<Revision>| group.receiver_count() < GROUP;
        if let Some(group) = groups.iter().find(has_room) {
            return group.subscribe();
        }
        let (group, follower) = watch::channel(now);
        groups.push(group);
        follower
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        lock(&self.groups).len()
    }

    /// Tells a group how far the list goes now. Returns whether that was news to anybody.
    pub(super) fn wake(&self, group: usize, now: Revision) -> bool {
        let groups = lock(&self.groups);
        let Some(group) = groups.get(group) else {
            return false;
        };
        group.send_if_modified(|known| mem::replace(known, now) != now)
            && group.receiver_count() > 0
    }
}

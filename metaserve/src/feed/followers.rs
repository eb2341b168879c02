//! Which clients are woken when a list has changed.

use crate::list::Revision;
use parking_lot::Mutex;
use std::mem;
use tokio::{runtime::Handle, sync::watch};

/// How many are woken together. A thousand at once would keep their thread sending for so long that
/// it reads the acknowledgements too late, and QUIC probes for them: 1.6 to 3.7 packets for every
/// message were measured. With few, what one follower has touched is still in the processor's caches
/// when its connection sends: at 2,000 x 2,000, groups of 32 cost a tenth more than groups of 2 to 8.
const GROUP: usize = 4;

/// All followers of a feed, by the runtime that serves them.
#[derive(Debug, Default)]
pub(super) struct Followers {
    served: Mutex<Vec<Served>>,
}

/// The followers that one runtime serves.
#[derive(Debug)]
struct Served {
    /// None if they are outside of a runtime.
    by: Option<Handle>,
    /// As many as were ever needed: the next follower takes the place of one that has left.
    groups: Vec<watch::Sender<Revision>>,
}

impl Served {
    /// One more, at a time when the list goes as far as `now`.
    fn join(&mut self, now: Revision) -> watch::Receiver<Revision> {
        let room = |group: &&watch::Sender<Revision>| group.receiver_count() < GROUP;
        if let Some(group) = self.groups.iter().find(room) {
            return group.subscribe();
        }
        let (sender, follower) = watch::channel(now);
        self.groups.push(sender);
        follower
    }

    /// Tells them how far the list goes now, by a task of the runtime that serves them: to wake
    /// each from outside would cost a system call.
    fn wake(&self, now: Revision) {
        let behind =
            |group: &&watch::Sender<Revision>| *group.borrow() < now && group.receiver_count() > 0;
        let groups: Vec<_> = self.groups.iter().filter(behind).cloned().collect();
        match &self.by {
            Some(runtime) if !groups.is_empty() => {
                runtime.spawn(one_after_the_other(groups, now));
            }
            _ => groups.iter().for_each(|group| tell(group, now)),
        }
    }
}

/// Wakes the next group when the one before has had its turn, and packets that arrived meanwhile
/// have been read.
async fn one_after_the_other(groups: Vec<watch::Sender<Revision>>, now: Revision) {
    for group in groups {
        tell(&group, now);
        tokio::task::yield_now().await;
    }
}

/// Tells a group how far the list goes, unless it knows of a later tick already.
fn tell(group: &watch::Sender<Revision>, now: Revision) {
    group.send_if_modified(|known| mem::replace(known, now.max(*known)) < now);
}

impl Followers {
    /// One more, at a time when the list goes as far as `now`.
    pub(super) fn join(&self, now: Revision) -> watch::Receiver<Revision> {
        let here = Handle::try_current().ok();
        let id = |runtime: &Option<Handle>| runtime.as_ref().map(Handle::id);
        let mut served = self.served.lock();
        if let Some(known) = served.iter_mut().find(|known| id(&known.by) == id(&here)) {
            return known.join(now);
        }
        let mut new = Served {
            by: here,
            groups: Vec::new(),
        };
        let follower = new.join(now);
        served.push(new);
        follower
    }

    /// Tells all of them how far the list goes now.
    pub(super) fn wake(&self, now: Revision) {
        self.served.lock().iter().for_each(|those| those.wake(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woken(all: &[watch::Receiver<Revision>]) -> usize {
        let news = |one: &&watch::Receiver<Revision>| one.has_changed().unwrap();
        all.iter().filter(news).count()
    }

    #[test]
    fn the_next_group_is_woken_when_the_one_before_has_had_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let followers = Followers::default();
        let all: Vec<_> = runtime.block_on(async {
            let join = || followers.join(Revision(1));
            std::iter::repeat_with(join).take(2 * GROUP).collect()
        });
        // From outside, as the daemon's thread that makes frames.
        followers.wake(Revision(2));
        assert_eq!(
            woken(&all),
            0,
            "they are woken by the runtime that serves them"
        );
        runtime.block_on(async {
            tokio::task::yield_now().await;
            assert_eq!(woken(&all), GROUP);
            tokio::task::yield_now().await;
            assert_eq!(woken(&all), 2 * GROUP);
        });
    }

    #[test]
    fn the_place_of_a_follower_that_left_is_taken_again() {
        let followers = Followers::default();
        let join = || followers.join(Revision(1));
        let groups = || {
            followers
                .served
                .lock()
                .iter()
                .map(|those| those.groups.len())
                .sum::<usize>()
        };
        let mut all: Vec<_> = std::iter::repeat_with(join).take(GROUP + 1).collect();
        assert_eq!(groups(), 2);
        followers.wake(Revision(2));
        assert_eq!(woken(&all), GROUP + 1);
        all.remove(0);
        all.push(join());
        assert_eq!(groups(), 2);
        assert_eq!(woken(&all[..GROUP]), GROUP);
        followers.wake(Revision(1));
        assert!(
            all.iter().all(|one| *one.borrow() == Revision(2)),
            "never back"
        );
    }
}

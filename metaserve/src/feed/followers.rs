//! Which clients are woken when a list has changed.

use crate::list::Revision;
use parking_lot::Mutex;
use std::mem;
use tokio::{
    runtime::{Handle, Id},
    sync::watch,
};

/// How many are woken together. A thousand at once, by a task of the worker that then serves them,
/// would keep it sending for so long that it reads the acknowledgements too late, and QUIC probes
/// for them: 1.6 to 3.7 packets for every message were measured. Woken from another thread, as the
/// daemon does, all at once would cost it a tenth more.
const GROUP: usize = 32;

/// All followers of a feed, in groups of those that are served by the same runtime.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// As many as were ever needed: the next follower takes the place of one that has left.
    groups: Mutex<Vec<Group>>,
}

#[derive(Debug)]
struct Group {
    /// Where its followers are served; none if that is outside of a runtime.
    runtime: Option<Handle>,
    sender: watch::Sender<Revision>,
}

/// The runtime that the caller is in, if it is in one.
fn here() -> Option<Handle> {
    Handle::try_current().ok()
}

fn id(runtime: Option<&Handle>) -> Option<Id> {
    runtime.map(Handle::id)
}

impl Group {
    /// Tells it how far the list goes now. Returns whether that was news to anybody.
    ///
    /// Followers that another runtime serves are told by a task there: to wake each from outside
    /// costs a system call.
    fn wake(&self, now: Revision) -> bool {
        // The tasks of two ticks may change places.
        let tell = move |group: &watch::Sender<Revision>| {
            group.send_if_modified(|known| mem::replace(known, now.max(*known)) < now)
        };
        match &self.runtime {
            Some(elsewhere) if id(here().as_ref()) != Some(elsewhere.id()) => {
                let news = *self.sender.borrow() < now && self.sender.receiver_count() > 0;
                if news {
                    let group = self.sender.clone();
                    elsewhere.spawn(async move { tell(&group) });
                }
                news
            }
            _ => tell(&self.sender) && self.sender.receiver_count() > 0,
        }
    }
}

impl Followers {
    /// One more, at a time when the list goes as far as `now`.
    pub(super) fn join(&self, now: Revision) -> watch::Receiver<Revision> {
        let runtime = here();
        let mut groups = self.groups.lock();
        let fits = |group: &&Group| {
            group.sender.receiver_count() < GROUP
                && id(group.runtime.as_ref()) == id(runtime.as_ref())
        };
        if let Some(group) = groups.iter().find(fits) {
            return group.sender.subscribe();
        }
        let (sender, follower) = watch::channel(now);
        groups.push(Group { runtime, sender });
        follower
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.groups.lock().len()
    }

    /// Tells a group how far the list goes now. Returns whether that was new to any follower.
    pub(super) fn wake(&self, group: usize, now: Revision) -> bool {
        let groups = self.groups.lock();
        groups.get(group).is_some_and(|group| group.wake(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_woken_alone_and_the_place_of_one_that_left_is_taken_again() {
        let followers = Followers::default();
        let join = || followers.join(Revision(1));
        let mut all: Vec<_> = std::iter::repeat_with(join).take(GROUP + 1).collect();
        assert_eq!(followers.groups(), 2);
        assert!(followers.wake(0, Revision(2)));
        let woken = |all: &[watch::Receiver<Revision>]| {
            let news = |one: &&watch::Receiver<Revision>| one.has_changed().unwrap();
            all.iter().filter(news).count()
        };
        assert_eq!(woken(&all), GROUP);
        assert!(!followers.wake(0, Revision(2)), "it is not new");

        all.remove(0);
        all.push(join());
        assert_eq!(followers.groups(), 2);
        all.clear();
        assert!(!followers.wake(1, Revision(3)), "nobody is there");
        assert!(!followers.wake(2, Revision(3)), "there is no such group");
    }
}

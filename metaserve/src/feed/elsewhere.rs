//! Where a client of another member of the cluster can go on here. Pure.
//!
//! A client that knows revision *r* of another member *A* misses some of what that member had not
//! applied at *r*. The last beat of *A* before *r* bounds it: what *A* had not applied then has a
//! stamp above the beat's `stable`, and what was applied here of it has a greater revision still.
//! So a delta of all that has changed here since has it, if this member has heard all that *A* had
//! applied at *r*, and both take the same members into account. If they do not, the client may know
//! servers that were never here, and takes a snapshot.

use crate::list::{Claim, Revision, Stamp};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// What a member says of its list in a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The beat's own stamp: all that the member has told its clients before has a smaller one,
    /// and all that it tells them later a greater one.
    pub clock: Stamp,
    /// The member has applied all that was stated up to this stamp.
    pub stable: Stamp,
    /// What its list depends on besides statements: which members count, and which addresses are
    /// hidden.
    pub view: u64,
}

/// The beats of all members.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// By tag, the oldest first.
    beats: HashMap<u16, VecDeque<(Instant, Beat)>>,
    /// The view of this member.
    view: u64,
}

/// A client that comes later than this takes a snapshot.
const KEEP: Duration = Duration::from_secs(600);

impl Elsewhere {
    /// A member has said this.
    pub(super) fn heard(&mut self, tag: u16, beat: Beat, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > KEEP;
        let beats = self.beats.entry(tag).or_default();
        if beats.back().is_none_or(|(_, last)| last.clock < beat.clock) {
            beats.push_back((now, beat));
        }
        while beats.front().is_some_and(|(at, _)| old(*at)) {
            beats.pop_front();
        }
        if beats.len() == 1 {
            // One more: a good time to look for members that are gone.
            self.beats
                .retain(|_, beats| beats.back().is_some_and(|(at, _)| !old(*at)));
        }
    }

    /// From now on this member's list depends on something else.
    pub(super) fn view_changed(&mut self, view: u64) {
        self.view = view;
    }

    /// The revision here since when all changes are to be told to a client that knows `given` of
    /// another member. None if that is not known: then it takes a snapshot.
    pub(super) fn since(&self, given: Claim) -> Option<Revision> {
        let beats = self.beats.get(&given.tag())?;
        let before = beats.partition_point(|(_, beat)| beat.clock <= given.stamp());
        let (_, beat) = beats.get(before.checked_sub(1)?)?;
        // The last revision of that stamp, whatever its tag.
        let since = Claim::new(beat.stable, u16::MAX);
        (beat.view == self.view).then_some(Revision(since.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u16 = 5;

    fn beat(clock: u64, stable: u64, view: u64) -> Beat {
        Beat {
            clock: Stamp(clock),
            stable: Stamp(stable),
            view,
        }
    }

    fn since(elsewhere: &Elsewhere, stamp: u64) -> Option<u64> {
        let since = elsewhere.since(Claim::new(Stamp(stamp), A))?;
        Some(Claim(since.0).stamp().0)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_client_goes_on_from_what_its_member_had_applied() {
        let start = Instant::now();
        let mut here = Elsewhere::default();
        here.view_changed(1);
        here.heard(A, beat(10, 7, 1), start);
        here.heard(A, beat(20, 18, 1), start);
        let table = [
            (9, None),
            (10, Some(7)),
            (19, Some(7)),
            (20, Some(18)),
            (99, Some(18)),
        ];
        for (given, expected) in table {
            assert_eq!(since(&here, given), expected, "{given}");
        }
        let other = Claim::new(Stamp(15), A + 1);
        assert_eq!(here.since(other), None, "another member");

        // This member loses one that the other counts still.
        here.view_changed(2);
        assert_eq!(since(&here, 20), None);
        here.heard(A, beat(30, 28, 2), start);
        assert_eq!(since(&here, 30), Some(28));
        assert_eq!(since(&here, 20), None, "it was like that before");
        here.view_changed(1);
        assert_eq!(since(&here, 20), Some(18));

        let later = start + KEEP * 2;
        here.heard(A, beat(40, 38, 1), later);
        assert_eq!(since(&here, 20), None, "it is too long ago");
        here.heard(A + 1, beat(50, 48, 2), later + KEEP * 2);
        assert_eq!(here.beats.len(), 1);
    }
}

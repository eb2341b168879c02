//! Where a client of another member of the cluster can go on here. Pure.
//!
//! A client that knows revision *r* of another member *A* is told all that was touched here since a
//! time *W*. It has the list of this member then, because:
//!
//! * The last beat of *A* before *r* said that *A* had applied all that was stated up to *W*. What
//!   *A* had not applied at *r* was stated later, so it was touched here later still.
//! * All that *A* had applied at *r* is applied here as well, as the beats of all members say.
//! * Whatever else the two lists depend on is the same: the beats of *A* before and after *r* have
//!   the same [view](Basis::view) as this member, and neither has changed in between, or here since
//!   *W*.
//!
//! If anything of that is not certain, the client takes a snapshot.

use crate::list::{Basis, Claim, Revision, Stamp};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// What a member says of its list in a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Which start of the member speaks.
    pub run: u64,
    /// The beat's own time: all that the member has told its clients before has an earlier one, and
    /// all that it tells them afterwards a later one.
    pub clock: Stamp,
    /// All that its clients were told of its own servers up to this time is stated.
    pub upto: Stamp,
    /// It has applied all that other members stated up to this time.
    pub stable: Stamp,
    /// What its list [depends](Basis) on.
    pub view: Option<u64>,
    /// Since when it depends on that.
    pub since: Stamp,
}

/// How far this member has heard the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// All that any member that counts has stated up to this time is applied here.
    pub all: Stamp,
    /// The same of those that are silent, from which nothing more is expected soon.
    pub silent: Stamp,
}

/// The beats of all members, and what is known here.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// By tag, the oldest first.
    beats: HashMap<u16, VecDeque<(Instant, Beat)>>,
    heard: Heard,
    /// What this list depends on, and before that on what it has only been added to; the latest
    /// last. With each, until when.
    bases: VecDeque<(Basis, Stamp)>,
}

/// Where a client can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is to be told all that was touched here since then.
    Since(Revision),
    /// Not before more was heard of others.
    Later,
    /// With a snapshot.
    Nowhere,
}

/// A client that comes later than this takes a snapshot.
const KEEP: Duration = Duration::from_secs(600);

/// How many earlier bases are kept.
const MAX_BASES: usize = 16;

/// The end of time.
const NEVER: Stamp = Stamp(u64::MAX);

impl Elsewhere {
    /// A member has said this.
    pub(super) fn beat(&mut self, tag: u16, beat: Beat, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > KEEP;
        let beats = self.beats.entry(tag).or_default();
        if beats.back().is_some_and(|(_, last)| last.run != beat.run) {
            // While two have the same tag, neither is told from the other.
            beats.clear();
        }
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
    pub(super) fn depends(&mut self, on: Basis) {
        if let Some((_, until)) = self.bases.back_mut() {
            *until = on.since;
        }
        self.bases.retain(|(_, until)| *until <= on.joined);
        if self.bases.len() >= MAX_BASES {
            self.bases.pop_front();
        }
        self.bases.push_back((on, NEVER));
    }

    /// What this member's list depends on now.
    pub(super) fn basis(&self) -> Option<Basis> {
        self.bases.back().map(|(basis, _)| *basis)
    }

    /// Others are heard so far. Returns whether that has changed.
    pub(super) fn heard(&mut self, heard: Heard) -> bool {
        std::mem::replace(&mut self.heard, heard) != heard
    }

    /// Where a client can go on that knows `given` of another member.
    pub(super) fn place(&self, given: Claim) -> Place {
        let stamp = given.stamp();
        let Some(beats) = self.beats.get(&given.tag()) else {
            return Place::Nowhere;
        };
        let later = beats.partition_point(|(_, beat)| beat.clock <= stamp);
        let Some((_, before)) = later.checked_sub(1).and_then(|at| beats.get(at)) else {
            return Place::Nowhere;
        };
        if self.heard.silent < stamp {
            return Place::Nowhere;
        }
        let mut later = beats.range(later..);
        let after = later.find(|(_, beat)| beat.upto >= stamp);
        let Some((_, after)) = after.filter(|_| self.heard.all >= stamp) else {
            return Place::Later;
        };
        let same = before.view == after.view && after.since <= before.clock;
        let here = |(basis, _): &&(Basis, Stamp)| basis.view.is_some() && basis.view == before.view;
        match self.bases.iter().rev().find(here) {
            Some((basis, until)) if same && basis.since <= before.stable.min(*until) => {
                // The last revision of that time, whatever its tag.
                let since = Claim::new(before.stable.min(*until), u16::MAX);
                Place::Since(Revision(since.0))
            }
            _ => Place::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u16 = 5;

    fn beat(clock: u64, stable: u64, view: u64, since: u64) -> Beat {
        Beat {
            run: 1,
            clock: Stamp(clock),
            upto: Stamp(clock - 1),
            stable: Stamp(stable),
            view: Some(view),
            since: Stamp(since),
        }
    }

    fn basis(view: u64, since: u64, joined: u64) -> Basis {
        Basis {
            view: Some(view),
            since: Stamp(since),
            joined: Stamp(joined),
        }
    }

    fn hears(here: &mut Elsewhere, all: u64, silent: u64) {
        let (all, silent) = (Stamp(all), Stamp(silent));
        here.heard(Heard { all, silent });
    }

    fn since(stamp: u64) -> Place {
        Place::Since(Revision(Claim::new(Stamp(stamp), u16::MAX).0))
    }

    fn place(here: &Elsewhere, stamp: u64) -> Place {
        here.place(Claim::new(Stamp(stamp), A))
    }

    /// A member that has view 1 since time 3, hears all up to 100, and has heard these beats.
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn here(beats: &[Beat]) -> Elsewhere {
        let mut here = Elsewhere::default();
        here.depends(basis(1, 3, 0));
        hears(&mut here, 100, 100);
        for said in beats {
            here.beat(A, *said, Instant::now());
        }
        here
    }

    #[test]
    fn a_client_goes_on_from_what_its_member_had_applied() {
        let mut here = here(&[beat(10, 7, 1, 2), beat(20, 18, 1, 2), beat(30, 28, 1, 2)]);
        let table = [
            (9, Place::Nowhere),
            (10, since(7)),
            (19, since(7)),
            (20, since(18)),
            (29, since(18)),
            // Nobody knows whether it has said all of that.
            (30, Place::Later),
        ];
        for (given, expected) in table {
            assert_eq!(place(&here, given), expected, "{given}");
        }
        let other = Claim::new(Stamp(15), A + 1);
        assert_eq!(here.place(other), Place::Nowhere, "another member");

        hears(&mut here, 14, 100);
        assert_eq!(place(&here, 14), since(7));
        assert_eq!(place(&here, 15), Place::Later);
        hears(&mut here, 14, 14);
        assert_eq!(place(&here, 14), since(7));
        assert_eq!(place(&here, 15), Place::Nowhere);
    }

    #[test]
    fn a_client_goes_on_only_where_its_list_depends_on_the_same() {
        // The one in between is lost.
        let mut here = here(&[beat(10, 8, 1, 2), beat(30, 28, 1, 20), beat(40, 38, 1, 20)]);
        assert_eq!(place(&here, 15), Place::Nowhere, "it was another meanwhile");
        assert_eq!(place(&here, 35), since(28));
        here.depends(basis(1, 29, 0));
        assert_eq!(
            place(&here, 35),
            Place::Nowhere,
            "it has changed here since"
        );
        here.depends(basis(2, 30, 0));
        assert_eq!(place(&here, 35), Place::Nowhere, "it is another here");
    }

    /// As when the member that it was at has started again.
    #[test]
    fn a_member_that_has_come_since_is_no_reason_for_a_snapshot() {
        let mut here = here(&[beat(10, 8, 1, 2), beat(20, 18, 1, 2)]);
        here.depends(basis(2, 9, 9));
        assert_eq!(place(&here, 15), since(8));
        here.depends(basis(3, 12, 12));
        here.depends(basis(3, 14, 12));
        assert_eq!(place(&here, 15), since(8), "what is about the new one");
        here.depends(basis(3, 15, 7));
        assert_eq!(place(&here, 15), Place::Nowhere, "about an older one");

        let mut here = self::here(&[beat(10, 8, 1, 2), beat(20, 18, 1, 2)]);
        here.depends(basis(2, 6, 6));
        assert_eq!(place(&here, 15), since(6), "it has told things since");
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_so_is_another_run() {
        let mut here = here(&[beat(10, 7, 1, 2), beat(20, 18, 1, 2)]);
        let start = here.beats[&A][0].0;
        let other = Beat {
            run: 2,
            ..beat(22, 20, 1, 2)
        };
        let mut two = Elsewhere::default();
        for said in [beat(10, 7, 1, 2), other] {
            two.beat(A, said, start);
        }
        assert_eq!(two.beats[&A].len(), 1, "two with one tag");

        let later = start + KEEP * 2;
        here.beat(A, beat(40, 38, 1, 2), later);
        assert_eq!(place(&here, 15), Place::Nowhere);
        here.beat(A + 1, beat(50, 48, 1, 2), later + KEEP * 2);
        assert_eq!(here.beats.len(), 1);
    }
}

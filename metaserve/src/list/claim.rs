//! The order in which servers have claimed their places, across all members of a cluster.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// A point in Lamport time, 48 bits of which are used: later than all that its clock has heard of.
/// It has nothing to do with wall clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp(pub u64);

/// A [`Stamp`] with the tag of the member that drew it: unique in a cluster, and totally ordered.
/// Zero is no claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim(pub u64);

impl Claim {
    /// The claim of a member at a time.
    #[must_use]
    pub const fn new(stamp: Stamp, tag: u16) -> Self {
        Self(stamp.0 << 16 | tag as u64)
    }

    /// When it was drawn.
    #[must_use]
    pub const fn stamp(self) -> Stamp {
        Stamp(self.0 >> 16)
    }

    /// The member that drew it.
    #[must_use]
    pub const fn tag(self) -> u16 {
        self.0 as u16
    }
}

/// The claims of a server's addresses, in their order. Those of most lists are none: only what
/// members of a cluster tell each other has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claims([Claim; 2]);

impl Claims {
    /// Those of a server with one address, or with two.
    #[must_use]
    pub fn new(first: Claim, second: Option<Claim>) -> Self {
        Self([first, second.unwrap_or_default()])
    }

    /// One for each address.
    pub fn iter(&self) -> impl Iterator<Item = Claim> {
        self.0
            .into_iter()
            .filter(|claim| *claim != Claim::default())
    }

    /// The greatest of them: when the server has last connected.
    #[must_use]
    pub fn greatest(&self) -> Claim {
        self.0[0].max(self.0[1])
    }
}

/// A stamp of another clock is so far ahead of ours that it cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stamp {} is too far ahead of our own, {}", heard.0, ours.0)]
pub struct FarAhead {
    /// The stamp that was heard.
    pub heard: Stamp,
    /// The time here.
    pub ours: Stamp,
}

/// The Lamport clock of one member, shared by all that draws stamps.
#[derive(Debug)]
pub struct Clock {
    stamp: AtomicU64,
    tag: AtomicU16,
}

impl Clock {
    /// Stamps that are further ahead than this are refused: at a million changes a second it takes
    /// twelve days to get there.
    pub const FAR: u64 = 1 << 40;

    /// A member that joins has no time of its own yet, and takes that of any cluster before this:
    /// at a million changes a second it takes four years to get there.
    pub const OLD: u64 = 1 << 47;

    /// Stamps from here on are refused whatever the time is here: 48 bits hold them, and what a
    /// clock draws by itself afterwards.
    pub const END: u64 = (1 << 48) - Self::FAR;

    /// A clock at zero, of the member with this tag.
    #[must_use]
    pub const fn new(tag: u16) -> Self {
        Self {
            stamp: AtomicU64::new(0),
            tag: AtomicU16::new(tag),
        }
    }

    /// Draws the next stamp: later than all that were drawn or heard before.
    pub fn advance(&self) -> Stamp {
        Stamp(self.stamp.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Draws the next stamp as a claim.
    pub fn claim(&self) -> Claim {
        Claim::new(self.advance(), self.tag())
    }

    /// Draws so many claims at once.
    pub(crate) fn claims(&self, count: usize) -> impl Iterator<Item = Claim> + use<> {
        let (count, tag) = (count as u64, self.tag());
        let first = self.stamp.fetch_add(count, Ordering::SeqCst) + 1;
        (first..first + count).map(move |stamp| Claim::new(Stamp(stamp), tag))
    }

    /// The latest stamp that was drawn or heard.
    #[must_use]
    pub fn now(&self) -> Stamp {
        Stamp(self.stamp.load(Ordering::SeqCst))
    }

    /// Takes in a stamp that was heard from another member.
    ///
    /// # Errors
    /// When it is more than [`FAR`](Self::FAR) ahead, or at the [`END`](Self::END): then nothing
    /// has changed.
    pub fn witness(&self, heard: Stamp) -> Result<(), FarAhead> {
        let most = self.now().0.saturating_add(Self::FAR).min(Self::END - 1);
        self.take(heard, most)
    }

    /// The same of a member that joins: it has no time to compare with.
    ///
    /// # Errors
    /// When it is [`OLD`](Self::OLD) or later: then nothing has changed.
    pub fn adopt(&self, heard: Stamp) -> Result<(), FarAhead> {
        self.take(heard, Self::OLD - 1)
    }

    fn take(&self, heard: Stamp, most: u64) -> Result<(), FarAhead> {
        if heard.0 > most {
            let ours = self.now();
            return Err(FarAhead { heard, ours });
        }
        self.stamp.fetch_max(heard.0, Ordering::SeqCst);
        Ok(())
    }

    /// The tag of this member.
    #[must_use]
    pub fn tag(&self) -> u16 {
        self.tag.load(Ordering::Relaxed)
    }

    /// Sets another tag, when a member that was there before has the same one. Claims that were
    /// drawn already keep the old one.
    pub fn set_tag(&self, tag: u16) {
        self.tag.store(tag, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_claim_is_greater_whatever_the_tags() {
        let claim = |stamp, tag| Claim::new(Stamp(stamp), tag);
        assert!(claim(1, u16::MAX) < claim(2, 0));
        assert!(claim(2, 0) < claim(2, 1));
        let last = claim((1 << 48) - 1, 7);
        assert_eq!((last.stamp(), last.tag()), (Stamp((1 << 48) - 1), 7));
    }

    #[test]
    fn a_clock_is_later_than_all_that_it_has_heard_unless_that_is_absurd() {
        let clock = Clock::new(3);
        assert_eq!(clock.advance(), Stamp(1));
        assert_eq!(clock.witness(Stamp(10)), Ok(()));
        assert_eq!(clock.witness(Stamp(5)), Ok(()));
        assert_eq!(clock.claim(), Claim::new(Stamp(11), 3));
        let far = Stamp(11 + Clock::FAR + 1);
        assert_eq!(clock.witness(far).unwrap_err().heard, far);
        assert_eq!(clock.now(), Stamp(11));
        assert_eq!(clock.witness(Stamp(11 + Clock::FAR)), Ok(()));
    }

    #[test]
    fn no_stamp_brings_a_clock_near_the_end_of_its_48_bits() {
        let clock = Clock::new(3);
        let heard = |stamp| clock.witness(Stamp(stamp)).is_ok();
        let mut last = 0;
        while heard(last + Clock::FAR) {
            last += Clock::FAR;
        }
        assert!(!heard(Clock::END) && !heard(u64::MAX));
        assert!(heard(Clock::END - 1));
        assert!(!heard(Clock::END), "although it is only one ahead");
        assert_eq!(clock.now(), Stamp(Clock::END - 1));
        assert_eq!(clock.advance(), Stamp(Clock::END), "it goes on by itself");
    }

    #[test]
    fn a_clock_that_joins_takes_the_time_of_any_cluster_that_is_not_too_old() {
        let clock = Clock::new(3);
        assert_eq!(clock.adopt(Stamp(Clock::OLD - 1)), Ok(()));
        assert_eq!(clock.adopt(Stamp(7)), Ok(()));
        assert_eq!(clock.now(), Stamp(Clock::OLD - 1));
        let refused = FarAhead {
            heard: Stamp(Clock::OLD),
            ours: Stamp(Clock::OLD - 1),
        };
        assert_eq!(clock.adopt(Stamp(Clock::OLD)), Err(refused));
        assert_eq!(clock.witness(Stamp(Clock::OLD)), Ok(()));
    }
}

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
    /// By tag.
    speakers: HashMap<u16, Speaker>,
    heard: Heard,
    /// What this list depends on, and before that on what it has only been added to; the latest
    /// last. With each, until when.
    bases: VecDeque<(Basis, Stamp)>,
}

/// Who has a tag, and what it has said.
#[derive(Debug)]
struct Speaker {
    /// The subject that it speaks under.
    name: Box<str>,
    /// The time here when it was first heard with this tag: it says nothing of clients that were
    /// told something before.
    begun: Stamp,
    heard: Instant,
    /// Another one has said the same tag, so nobody knows whose clients are whose.
    contested: bool,
    /// The oldest first.
    beats: VecDeque<(Instant, Beat)>,
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

/// A member or edge from which no beat has come for so long says nothing more soon.
const SILENCE: Duration = Duration::from_secs(5);

/// How many beats of one tag are kept, how many tags, and how many of one name: a member that has
/// started again has another.
const MAX_BEATS: usize = 1200;
const MAX_TAGS: usize = 2048;
const MAX_TAGS_EACH: usize = 4;

/// How many earlier bases are kept.
const MAX_BASES: usize = 16;

/// The end of time.
const NEVER: Stamp = Stamp(u64::MAX);

impl Elsewhere {
    /// A member or edge that speaks under this name has said this, at this time here.
    pub(super) fn beat(&mut self, name: &str, tag: u16, beat: Beat, at: Stamp, now: Instant) {
        if beat.clock < beat.upto.max(beat.stable).max(beat.since) {
            // Nobody knows that yet.
            return;
        }
        if !self.speakers.contains_key(&tag) && !self.make_room(name, now) {
            return;
        }
        let speaker = self.speakers.entry(tag).or_insert_with(|| Speaker {
            name: name.into(),
            begun: at,
            heard: now,
            contested: false,
            beats: VecDeque::new(),
        });
        speaker.heard = now;
        speaker.contested |= *speaker.name != *name;
        let beats = &mut speaker.beats;
        if speaker.contested {
            beats.clear();
            return;
        }
        if beats.back().is_some_and(|(_, last)| last.run != beat.run) {
            // While two have the same tag, neither is told from the other.
            beats.clear();
            speaker.begun = at;
        }
        if beats.back().is_none_or(|(_, last)| last.clock < beat.clock) {
            beats.push_back((now, beat));
        }
        while beats.len() > MAX_BEATS || beats.front().is_some_and(|(at, _)| is_old(*at, now)) {
            beats.pop_front();
        }
    }

    /// Makes room for another tag of this name. Returns whether there is any.
    fn make_room(&mut self, name: &str, now: Instant) -> bool {
        self.speakers
            .retain(|_, speaker| !is_old(speaker.heard, now));
        let of_name = |(_, speaker): &(&u16, &Speaker)| *speaker.name == *name;
        let same = self.speakers.iter().filter(of_name);
        if same.clone().count() >= MAX_TAGS_EACH
            && let Some(oldest) = same.min_by_key(|(_, speaker)| speaker.heard)
        {
            let oldest = *oldest.0;
            self.speakers.remove(&oldest);
        }
        self.speakers.len() < MAX_TAGS
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
    pub(super) fn place(&self, given: Claim, now: Instant) -> Place {
        let stamp = given.stamp();
        let speaker = self.speakers.get(&given.tag());
        let Some(speaker) = speaker.filter(|it| it.begun <= stamp) else {
            return Place::Nowhere;
        };
        let beats = &speaker.beats;
        let later = beats.partition_point(|(_, beat)| beat.clock <= stamp);
        let Some((_, before)) = later.checked_sub(1).and_then(|at| beats.get(at)) else {
            return Place::Nowhere;
        };
        if self.heard.silent < stamp {
            return Place::Nowhere;
        }
        let mut later = beats.range(later..);
        let Some((_, after)) = later.find(|(_, beat)| beat.upto >= stamp) else {
            let silent = now.saturating_duration_since(speaker.heard) >= SILENCE;
            return if silent { Place::Nowhere } else { Place::Later };
        };
        if self.heard.all < stamp {
            return Place::Later;
        }
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

fn is_old(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) > KEEP
}

#[cfg(test)]
mod tests;

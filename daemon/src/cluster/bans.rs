//! Bans: this member's own, which others are told, and those of others.

use super::sender::Ready;
use ipnet::IpNet;
use metaserve::protocol::{
    cluster::{Assembled, Assembly, Banned, MAX_BANS_BYTES, Part, pack_bans, unpack_bans},
    codec::DecodeError,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the bans of a member that is gone stay in force, unless they end before.
const AFTER_GONE: Duration = Duration::from_secs(24 * 3600);

/// How long an answer may take before the question is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A banned prefix, and when it ends.
type Ban = (IpNet, Option<Instant>);

/// The bans of the cluster.
#[derive(Debug, Default)]
pub(super) struct Bans {
    own: BTreeSet<Ban>,
    /// The revision of this member's own bans; 0 if it never had any.
    revision: u64,
    others: BTreeMap<Arc<str>, Others>,
}

/// The bans of one member.
#[derive(Debug)]
struct Others {
    run: u64,
    /// The revision of `bans`; none before they have arrived.
    revision: Option<u64>,
    bans: Vec<Ban>,
    pieces: Assembly<u64>,
    /// The question whose answer is awaited, and when it may be asked again.
    asked: Option<(u64, Instant)>,
    /// When the next one of them ends.
    ends: Option<Instant>,
    /// When they are forgotten, if the member is gone.
    until: Option<Instant>,
}

impl Bans {
    /// Replaces this member's own bans. Returns whether that changes anything: if so, `revision` is
    /// their revision from now on.
    pub(super) fn set(&mut self, bans: &[Banned], now: Instant, revision: u64) -> bool {
        let left = |ban: &Banned| (ban.prefix, ban.left.map(|left| now + left));
        let bans: BTreeSet<_> = bans.iter().map(left).collect();
        let changed = bans != self.own;
        if changed {
            self.own = bans;
            self.revision = revision;
        }
        changed
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The body of a message with this member's own bans.
    pub(super) fn body(&self, now: Instant) -> bytes::Bytes {
        pack_bans(&in_force(&self.own, now))
    }

    /// The same, for a member that asks for them.
    pub(super) fn ready(&self, run: u64, now: Instant) -> Ready<'_> {
        Ready {
            run,
            revision: self.revision,
            pack: Box::new(move || self.body(now)),
        }
    }

    /// A member says the revision of its bans. Returns whether to ask for them, under the number
    /// `question`.
    pub(super) fn lacks(
        &mut self,
        member: &Arc<str>,
        run: u64,
        revision: u64,
        question: u64,
        now: Instant,
    ) -> Lacks {
        let known = self.others.get_mut(member);
        if revision == 0 {
            // A run that has none yet may still be reading its file.
            return match known.is_some_and(|known| known.run == run) {
                true => Lacks::Nothing,
                false => Lacks::None,
            };
        }
        let known = match known {
            Some(known) => known,
            None => self
                .others
                .entry(member.clone())
                .or_insert_with(|| Others::new(run)),
        };
        known.until = None;
        let level = known.run == run && known.revision.is_some_and(|ours| ours >= revision);
        if level || known.asked.is_some_and(|(_, until)| now < until) {
            return Lacks::Nothing;
        }
        known.asked = Some((question, now + ANSWER_TIMEOUT));
        Lacks::All
    }

    /// The member that was asked under this number, and has not answered yet.
    pub(super) fn asked(&self, question: u64) -> Option<Arc<str>> {
        let asked = |known: &Others| known.asked.is_some_and(|(id, _)| id == question);
        let (member, _) = self.others.iter().find(|(_, known)| asked(known))?;
        Some(member.clone())
    }

    /// Forgets the bans of a member whose new run has none. Returns whether there were any.
    pub(super) fn clear(&mut self, member: &Arc<str>, run: u64) -> bool {
        let ended = self.others.get(member).is_some_and(|it| it.run != run);
        ended && self.others.remove(member).is_some()
    }

    /// A piece of the bans of a member that is heard in this run. Returns whether they are complete
    /// and differ.
    ///
    /// # Errors
    /// When they are malformed.
    pub(super) fn take(
        &mut self,
        member: &Arc<str>,
        part: Part,
        now: Instant,
    ) -> Result<bool, DecodeError> {
        let known = self
            .others
            .entry(member.clone())
            .or_insert_with(|| Others::new(part.run));
        let old = known.revision.is_some_and(|ours| ours >= part.to);
        if known.run == part.run && old {
            return Ok(false);
        }
        let Assembled::Whole(body) = known.pieces.take(&part.to, part.piece) else {
            return Ok(false);
        };
        known.pieces = Assembly::new(MAX_BANS_BYTES);
        let until = |left| now.checked_add(left);
        let bans = unpack_bans(&body)?.into_iter();
        known.bans = bans
            .map(|ban| (ban.prefix, ban.left.and_then(until)))
            .collect();
        known.run = part.run;
        known.revision = Some(part.to);
        known.asked = None;
        known.until = None;
        known.drop_ended(now);
        Ok(true)
    }

    /// A member is gone.
    pub(super) fn gone(&mut self, member: &Arc<str>, now: Instant) {
        if let Some(known) = self.others.get_mut(member) {
            known.until = known.until.or(Some(now + AFTER_GONE));
        }
    }

    /// Forgets bans that have ended, and those of members that have been gone for long. Returns
    /// whether there were any.
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        let before = self.others.len();
        self.others
            .retain(|_, known| known.until.is_none_or(|until| now < until));
        let mut changed = self.others.len() != before;
        for known in self.others.values_mut() {
            if known.ends.is_some_and(|ends| ends <= now) {
                known.drop_ended(now);
                changed = true;
            }
        }
        changed
    }

    /// How many bans of others are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.others.values().map(|known| known.bans.len()).sum()
    }

    /// All bans of others that are in force.
    pub(super) fn others(&self, now: Instant) -> Vec<Banned> {
        let all = self.others.values().flat_map(|known| &known.bans);
        in_force(all, now)
    }
}

impl Others {
    fn new(run: u64) -> Self {
        Self {
            run,
            revision: None,
            bans: Vec::new(),
            pieces: Assembly::new(MAX_BANS_BYTES),
            asked: None,
            ends: None,
            until: None,
        }
    }

    fn drop_ended(&mut self, now: Instant) {
        self.bans
            .retain(|(_, until)| until.is_none_or(|until| now < until));
        self.ends = self.bans.iter().filter_map(|(_, until)| *until).min();
    }
}

/// What is to be done about the bans of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacks {
    /// Nothing.
    Nothing,
    /// It has none: see [`Bans::clear`].
    None,
    /// They must be asked for.
    All,
}

fn in_force<'a>(bans: impl IntoIterator<Item = &'a Ban>, now: Instant) -> Vec<Banned> {
    let left = |(prefix, until): &Ban| {
        let left = until.map(|until| until.saturating_duration_since(now));
        let prefix = *prefix;
        (left != Some(Duration::ZERO)).then_some(Banned { prefix, left })
    };
    bans.into_iter().filter_map(left).collect()
}

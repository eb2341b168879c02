//! A watch: what one peer was told of the keys with a prefix, and what is still to be told.

use super::{
    MAX_CHANGES,
    core::Claim,
    event::Answer,
    key::{Key, Prefix},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) prefix: Prefix,
    stage: Stage,
    /// Keys whose state is to be told once more, [`MAX_CHANGES`] at most.
    changed: BTreeSet<Key>,
    /// Whether the peer's queue has this watch.
    pub(super) queued: bool,
}

#[derive(Debug)]
enum Stage {
    /// What was told no longer counts.
    Reset,
    /// All keys are told, up to this one.
    Listing(Option<Key>),
    /// All keys are told, but former holders of others may still come.
    Settling,
    /// All keys are told, and no more former holders are waited for.
    Settled,
    Live,
}

impl Watch {
    pub(super) const fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            stage: Stage::Listing(None),
            changed: BTreeSet::new(),
            queued: false,
        }
    }

    /// Notes that a key has changed.
    pub(super) fn touch(&mut self, key: &Key) {
        let told = match &self.stage {
            Stage::Reset => false,
            Stage::Listing(last) => last.as_ref().is_some_and(|last| key <= last),
            Stage::Settling | Stage::Settled | Stage::Live => true,
        };
        if !told {
            return;
        }
        self.changed.insert(key.clone());
        if self.changed.len() > MAX_CHANGES {
            self.changed.clear();
            self.stage = Stage::Reset;
        }
    }

    /// Whether no change counts until it begins anew.
    pub(super) const fn is_reset(&self) -> bool {
        matches!(self.stage, Stage::Reset)
    }

    /// How many changed keys it holds.
    #[cfg(test)]
    pub(super) fn remembers(&self) -> usize {
        self.changed.len()
    }

    /// The daemon no longer waits for former holders.
    pub(super) fn settled(&mut self) {
        if matches!(self.stage, Stage::Settling) {
            self.stage = Stage::Settled;
        }
    }

    pub(super) fn has_more(&self) -> bool {
        !matches!(self.stage, Stage::Settling | Stage::Live) || !self.changed.is_empty()
    }

    /// What comes next, as things stand now. While the daemon is `settling`, nobody is told that the
    /// keys so far are all.
    pub(super) fn next(
        &mut self,
        id: u64,
        claims: &BTreeMap<Key, Claim>,
        settling: bool,
    ) -> Option<Answer> {
        match &self.stage {
            Stage::Reset => {
                self.stage = Stage::Listing(None);
                Some(Answer::Reset { id })
            }
            Stage::Listing(last) => {
                let from = match last {
                    Some(last) => Bound::Excluded(last.as_str()),
                    None => Bound::Included(self.prefix.as_str()),
                };
                let next = claims.range::<str, _>((from, Bound::Unbounded)).next();
                match next.filter(|(key, _)| self.prefix.covers(key)) {
                    Some((key, claim)) => {
                        self.stage = Stage::Listing(Some(key.clone()));
                        Some(claim.up(id, key.clone()))
                    }
                    None if settling => {
                        self.stage = Stage::Settling;
                        self.next(id, claims, settling)
                    }
                    None => {
                        self.stage = Stage::Live;
                        Some(Answer::Current { id })
                    }
                }
            }
            Stage::Settling | Stage::Settled | Stage::Live => {
                if let Some(key) = self.changed.pop_first() {
                    return Some(match claims.get(&key) {
                        Some(claim) => claim.up(id, key),
                        None => Answer::Down { id, key },
                    });
                }
                let settled = matches!(self.stage, Stage::Settled);
                settled.then(|| {
                    self.stage = Stage::Live;
                    Answer::Current { id }
                })
            }
        }
    }
}

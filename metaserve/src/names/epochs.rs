//! Epochs out of reserved blocks.

use std::time::Instant;

/// How many epochs are reserved at a time: a million, so that claims cost no write.
pub const BLOCK: u64 = 1_000_000;

/// Another block is asked for when fewer are left than this.
const LOW: u64 = BLOCK / 2;

/// Epochs that the file counts as used, and nobody has: from `from` to `below`, which is excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The first of them.
    pub from: u64,
    /// The first that does not belong to it.
    pub below: u64,
}

/// The epochs that can be granted.
#[derive(Debug)]
pub(super) struct Epochs {
    block: Block,
    /// Every epoch that was ever granted is less than this, as far as is known.
    least: u64,
    asked: Asked,
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
    /// In vain; again at this time.
    Again(Instant),
}

impl Epochs {
    pub(super) const fn new() -> Self {
        Self {
            block: Block { from: 1, below: 1 },
            least: 1,
            asked: Asked::No,
        }
    }

    /// The next epoch, greater than all before; none if there is no block.
    pub(super) fn next(&mut self) -> Option<u64> {
        let next = self.block.from.max(self.least);
        if next >= self.block.below {
            return None;
        }
        self.block.from = next + 1;
        self.least = next + 1;
        Some(next)
    }

    /// An epoch was granted by an earlier run: all later ones must be greater. A file that was
    /// restored from a backup may say less.
    pub(super) fn saw(&mut self, epoch: u64) {
        self.least = self.least.max(epoch.saturating_add(1));
    }

    /// The least epoch that the next block may begin with, if another block is wanted now.
    pub(super) fn ask(&mut self) -> Option<u64> {
        let left = self
            .block
            .below
            .saturating_sub(self.block.from.max(self.least));
        if self.asked != Asked::No || left >= LOW {
            return None;
        }
        self.asked = Asked::Yes;
        Some(self.least.max(self.block.below))
    }

    pub(super) fn reserved(&mut self, block: Block) {
        self.asked = Asked::No;
        // What is left of a block goes unused, unless the next one continues it.
        let continues = block.from == self.block.below && self.block.from < self.block.below;
        let from = if continues {
            self.block.from
        } else {
            block.from
        };
        if block.below > self.block.below {
            self.block = Block {
                from,
                below: block.below,
            };
        }
    }

    pub(super) fn not_reserved(&mut self, again: Instant) {
        self.asked = Asked::Again(again);
    }

    pub(super) fn again_at(&self) -> Option<Instant> {
        match self.asked {
            Asked::Again(at) => Some(at),
            Asked::No | Asked::Yes => None,
        }
    }

    pub(super) fn pass(&mut self, now: Instant) {
        if self.again_at().is_some_and(|at| at <= now) {
            self.asked = Asked::No;
        }
    }
}

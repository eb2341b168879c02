//! A key that is to be started.

use super::{MAX_WHY_BYTES, event::PeerId};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// How many reasons of hosts are told.
const MAX_REASONS: usize = 4;

/// A key that nobody holds, and somebody waits for.
#[derive(Debug)]
pub(super) struct Starting {
    /// Who has asked first: it counts as this peer's until it is over, though the peer may not
    /// wait any longer.
    pub(super) by: PeerId,
    pub(super) payload: Bytes,
    /// Who waits, and until when.
    pub(super) waiting: BTreeMap<(PeerId, u64), Instant>,
    /// The host that has the order, and until when.
    pub(super) placed: Option<(PeerId, Instant)>,
    /// Hosts that were asked in vain.
    pub(super) tried: BTreeSet<PeerId>,
    reasons: Vec<String>,
    /// How many reasons were left out.
    more_reasons: usize,
}

impl Starting {
    pub(super) const fn new(by: PeerId, payload: Bytes) -> Self {
        Self {
            by,
            payload,
            waiting: BTreeMap::new(),
            placed: None,
            tried: BTreeSet::new(),
            reasons: Vec::new(),
            more_reasons: 0,
        }
    }

    pub(super) fn because(&mut self, why: String) {
        match self.reasons.len() < MAX_REASONS {
            true => self.reasons.push(why),
            false => self.more_reasons += 1,
        }
    }

    pub(super) fn reasons(&self, last: &str) -> String {
        let mut reasons = self.reasons.clone();
        if self.more_reasons > 0 {
            reasons.push(format!("{} more hosts", self.more_reasons));
        }
        reasons.push(last.to_owned());
        let mut text = reasons.join("; ");
        text.truncate(text.floor_char_boundary(MAX_WHY_BYTES));
        text
    }
}

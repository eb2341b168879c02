//! Own links that have lost to a greater claim of another member.

use crate::{
    Fingerprint,
    list::{Claim, MemberRun},
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// All of them, by the identity of their server.
#[derive(Default)]
pub(in crate::registry) struct Lost(Mutex<HashMap<Fingerprint, Vec<Loser>>>);

struct Loser {
    claim: Claim,
    /// The member that has the greater claim.
    to: Arc<MemberRun>,
    /// When it was first seen to lose.
    since: Option<Instant>,
}

impl Lost {
    /// These links of an identity lose now.
    pub(super) fn update(
        &self,
        identity: Fingerprint,
        now: impl Iterator<Item = (Claim, Arc<MemberRun>)>,
    ) {
        let mut now = now.peekable();
        let mut all = self.0.lock();
        if now.peek().is_none() {
            all.remove(&identity);
            return;
        }
        let before = all.entry(identity).or_default();
        let since = |claim| {
            let known = before.iter().find(|loser| loser.claim == claim);
            known.and_then(|loser| loser.since)
        };
        *before = now
            .map(|(claim, to)| Loser {
                claim,
                to,
                since: since(claim),
            })
            .collect();
    }

    /// Those that have been losing for `patience` to a member that is `heard`.
    pub(in crate::registry) fn due(
        &self,
        now: Instant,
        patience: Duration,
        heard: impl Fn(&MemberRun) -> bool,
    ) -> Vec<(Fingerprint, Claim)> {
        let mut all = self.0.lock();
        let mut due = Vec::new();
        for (identity, losers) in all.iter_mut() {
            for loser in losers {
                let since = *loser.since.get_or_insert(now);
                if now.saturating_duration_since(since) >= patience && heard(&loser.to) {
                    due.push((*identity, loser.claim));
                }
            }
        }
        due
    }

    /// Whether this link loses still.
    pub(in crate::registry) fn has(&self, identity: Fingerprint, claim: Claim) -> bool {
        let all = self.0.lock();
        let mut losers = all.get(&identity).into_iter().flatten();
        losers.any(|loser| loser.claim == claim)
    }
}

//! How much the peers of names may take.

use super::{
    core::Names,
    event::{Effect, PeerId, Refusal},
    peer::Totals,
};
use crate::{Limit, Limits};

/// How many of everything there may be. Defaults suit a daemon with 10,000 claims.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamesLimits {
    /// Claims at a time; a claim takes about a kilobyte, and its value.
    pub max_claims: usize,
    /// Claims of one peer at a time.
    pub max_claims_per_peer: usize,
    /// Watches of all peers at a time.
    pub max_watches: usize,
    /// Keys at a time that are to be started.
    pub max_orders: usize,
    /// Peers at a time that wait for a key to be started.
    pub max_waiting: usize,
    /// Offers of all peers at a time.
    pub max_offers: usize,
    /// Watches, offers and waiting requests of one peer, each.
    pub max_each_per_peer: usize,
    /// Orders at a time that one host has not answered.
    pub max_orders_per_host: usize,
    /// Requests of one peer per second, on average. A peer that sends more is closed.
    pub requests_per_second: u32,
    /// Requests of one peer at once, such as all claims of a holder that has reconnected.
    pub requests_at_once: u32,
}

impl Default for NamesLimits {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for NamesLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            max_claims: limits.max_claims,
            max_claims_per_peer: limits.max_claims_per_peer,
            max_watches: limits.max_watches,
            max_orders: limits.max_orders,
            max_waiting: limits.max_resolvers,
            max_offers: limits.max_offers,
            max_each_per_peer: limits.max_requests_per_peer,
            max_orders_per_host: limits.max_orders_per_host,
            requests_per_second: limits.requests_per_second,
            requests_at_once: limits.requests_at_once,
        }
    }
}

impl Names {
    /// Why another request of a kind would be one too many, if it would.
    pub(super) fn full(
        &self,
        peer: PeerId,
        what: &str,
        (limit, all): (Limit, usize),
        count: impl Fn(&Totals) -> usize,
    ) -> Option<(Limit, String)> {
        let each = self.limits.max_each_per_peer;
        let limit = if count(&self.totals) >= all {
            limit
        } else if count(&self.of(peer)) >= each {
            Limit::MaxRequestsPerPeer
        } else {
            return None;
        };
        let why = format!("{what}: {all} at most, and {each} of one peer");
        Some((limit, why))
    }

    pub(super) fn refuse_full(&mut self, peer: PeerId, id: u64, limit: Option<Limit>, why: String) {
        self.effects.extend(limit.map(Effect::Reached));
        self.refuse(peer, id, Refusal::Full, why);
    }
}

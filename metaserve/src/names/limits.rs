//! How much the peers of names may take.

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
        Self {
            max_claims: 100_000,
            max_claims_per_peer: 10_000,
            max_watches: 10_000,
            max_orders: 1_000,
            max_waiting: 10_000,
            max_offers: 10_000,
            max_each_per_peer: 256,
            max_orders_per_host: 256,
            requests_per_second: 1_000,
            requests_at_once: 25_000,
        }
    }
}

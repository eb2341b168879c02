//! Every limit of a master (`docs/specifications/quake3-master.md`, sections 4, 8 and 9).

use std::time::Duration;

use crate::peers::Allowance;

/// Limits on the cost of one peer, and of all peers together.
///
/// Worst case with the defaults: a server takes about 1.5 KiB with its infostring, and 8 KiB at
/// most; an address that is not proved 200 bytes; an address that asks for lists 100 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers at one time, listed or about to be. Default 8,192.
    pub servers: usize,
    /// The same, from one IPv4 address or IPv6 /64. `None`, the default, means 64, and any number
    /// at this machine's own addresses.
    pub servers_per_host: Option<usize>,
    /// Addresses that were asked and have not answered yet. Default 4,096; beyond it, the oldest
    /// one is forgotten. A listed server is never forgotten for others.
    pub pending: usize,
    /// The lists that one address gets.
    pub lists: Allowance,
    /// Servers of the registry that are shown. Default 20,000.
    pub natives: usize,
    /// How long a challenge is used and valid. Default 10 s.
    pub challenge_time: Duration,
    /// The least time between two questions to one address. Default 1 s.
    pub ask_period: Duration,
    /// How long a server is listed after its last answer. Default 15 minutes.
    pub server_time: Duration,
    /// How long a server may take to answer after a heartbeat until it is removed. Default 20 s.
    pub doubt_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            servers: 8_192,
            servers_per_host: None,
            pending: 4_096,
            lists: Allowance::default(),
            natives: 20_000,
            challenge_time: Duration::from_secs(10),
            ask_period: Duration::from_secs(1),
            server_time: Duration::from_secs(15 * 60),
            doubt_time: Duration::from_secs(20),
        }
    }
}

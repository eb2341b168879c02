//! Every limit of a master (`docs/specifications/ddnet-register.md`, section 15).

use std::time::Duration;

use crate::peers::Allowance;

/// Limits on the cost of one peer, and of all peers together.
///
/// Worst case with the defaults: a server takes about 2 KiB with its answer, and an address that is
/// being checked 300 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers at one time, listed or being checked for the first time. Default 8,192.
    pub servers: usize,
    /// The same, from one IPv4 address or IPv6 /64. `None`, the default, means 64, and any number
    /// at this machine's own addresses.
    pub servers_per_host: Option<usize>,
    /// Addresses that are being checked for the first time. Default 4,096; beyond it, the check that
    /// was begun first is given up. A listed server is never forgotten for others.
    pub checks: usize,
    /// The lists that one address gets.
    pub lists: Allowance,
    /// Servers of the registry that are shown. Default 20,000.
    pub natives: usize,
    /// How long a token of the master is given out; it is accepted for as long again. Default 60 s;
    /// peers keep a token for 16 s.
    pub token_time: Duration,
    /// How long a server may take to answer each part of its check. Default 10 s.
    pub check_time: Duration,
    /// The least time between two checks of one server. Default 5 s; servers call every 15 s.
    pub check_period: Duration,
    /// The time after which an unanswered question is repeated. Default 2 s.
    pub ask_period: Duration,
    /// How long a server is listed after its last successful check. Default 90 s.
    pub server_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            servers: 8_192,
            servers_per_host: None,
            checks: 4_096,
            lists: Allowance::default(),
            natives: 20_000,
            token_time: Duration::from_secs(60),
            check_time: Duration::from_secs(10),
            check_period: Duration::from_secs(5),
            ask_period: Duration::from_secs(2),
            server_time: Duration::from_secs(90),
        }
    }
}

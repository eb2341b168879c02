//! Every limit of the list of Luanti.

use std::time::Duration;

/// Limits on the cost of one server, and of all servers together.
///
/// The defaults are those of `docs/specifications/luanti-serverlist.md`, sections 7 and 10, where
/// they name one. A server costs its announcement, 16 KiB at most with what it said at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers at one time, with those that are being pinged. Default 20,000; further ones are
    /// refused with 503.
    pub servers: usize,
    /// The same of one host (an IPv4 address or an IPv6 /64). Default 32; further ones are refused
    /// with 403.
    pub per_host: usize,
    /// Servers of one host that are being pinged. Default 8; further ones are refused with 429.
    pub pinged_per_host: usize,
    /// Servers that are pinged at the same time. Default 8; others wait.
    pub pings: usize,
    /// How long a ping may take, with its repetitions after 1.1 s and 2.5 s. Default 6 s.
    pub ping_time: Duration,
    /// The most addresses of one server that are pinged. Default 4; the others are left out.
    pub targets: usize,
    /// The least time between two announcements of one server on average. Default 5 s; further
    /// ones are refused with 429.
    pub announce_every: Duration,
    /// How many announcements a server may make at once. Default 4.
    pub announces_at_once: u32,
    /// How long a server stays listed without an announcement before it is pinged again. Default
    /// 350 s: servers announce themselves each 300 s.
    pub ping_after: Duration,
    /// How long a server that answers pings stays listed without an announcement. Default 650 s.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            servers: 20_000,
            per_host: 32,
            pinged_per_host: 8,
            pings: 8,
            ping_time: Duration::from_secs(6),
            targets: 4,
            announce_every: Duration::from_secs(5),
            announces_at_once: 4,
            ping_after: Duration::from_secs(350),
            lifetime: Duration::from_secs(2 * 300 + 50),
        }
    }
}

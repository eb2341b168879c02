//! Every limit of the list of `DDNet`.

use std::time::Duration;

/// Limits on the cost of one server, and of all servers together.
///
/// The defaults are those of `docs/specifications/ddnet-register.md`, section 11, where it names
/// one. Worst case with them: 64 MiB of information, and as much again for the list that is made of
/// it, for its compressed form, and for the file that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers at one time. Default 20,000; further ones are refused with 503.
    pub servers: usize,
    /// Addresses from one host (an IPv4 address or an IPv6 /64): a server has up to two there.
    /// Default 128; further ones are refused with 429.
    pub per_host: usize,
    /// Bytes of information of all servers together. Default 64 MiB; beyond it, new and longer
    /// information is refused with 503.
    pub info_bytes: usize,
    /// How long an address stays listed after its last success. Default 30 s
    /// (`docs/specifications/ddnet-register.md`, section 5).
    pub lifetime: Duration,
    /// How long the information of a server without addresses is remembered, so that it needs not
    /// be sent again. Default 60 s.
    pub remember: Duration,
    /// The least time between two challenges to one address on average. Default 1 s.
    pub challenge_every: Duration,
    /// How many challenges may be sent to an address at once. Default 5.
    pub challenges_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            servers: 20_000,
            per_host: 128,
            info_bytes: 64 * 1024 * 1024,
            lifetime: Duration::from_secs(30),
            remember: Duration::from_secs(60),
            challenge_every: Duration::from_secs(1),
            challenges_at_once: 5,
        }
    }
}

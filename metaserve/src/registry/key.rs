//! What the registry finds a server by.

use crate::Fingerprint;

/// What makes a server the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The certificate it presents.
    Identity(Fingerprint),
    /// Without one: the one link that speaks for it.
    Link(u64),
}

impl Key {
    /// The key of a server with this identity, or else with this link.
    pub(super) fn new(identity: Option<Fingerprint>, link: u64) -> Self {
        identity.map_or(Self::Link(link), Self::Identity)
    }
}

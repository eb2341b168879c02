//! The key by which the registry finds a server.

use crate::Fingerprint;

/// The identity of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The fingerprint of the certificate that it presents.
    Identity(Fingerprint),
    /// Without a certificate: the one link that speaks for it.
    Link(u64),
}

impl Key {
    /// The key of a server with this identity, or with this link if it has none.
    pub(super) fn new(identity: Option<Fingerprint>, link: u64) -> Self {
        identity.map_or(Self::Link(link), Self::Identity)
    }
}

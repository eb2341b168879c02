//! Which protocol a connection speaks: one ALPN identifier for each role.

use std::fmt;

/// What a peer of the daemon is, decided by the ALPN identifier of its connection.
///
/// An identifier carries the protocol's version. An incompatible version gets a new
/// identifier, and a daemon may speak several; a handshake that offers none that the daemon
/// speaks fails with the TLS alert *no application protocol*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A game server, which sends heartbeats about itself: `metaserve-heartbeat/1`.
    Heartbeat,
    /// A game client, which follows the list: `metaserve-client/1`.
    Client,
    /// A relay, which registers servers on behalf of others: `metaserve-relay/1`.
    Relay,
}

impl Role {
    /// Every role of protocol version 1.
    pub const ALL: [Self; 3] = [Self::Heartbeat, Self::Client, Self::Relay];

    /// The ALPN identifier of this role. `docs/protocol.md`, "Connections".
    #[must_use]
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Heartbeat => b"metaserve-heartbeat/1",
            Self::Client => b"metaserve-client/1",
            Self::Relay => b"metaserve-relay/1",
        }
    }

    /// The role that an ALPN identifier stands for, if it is one of ours.
    #[must_use]
    pub fn from_alpn(alpn: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.alpn() == alpn)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heartbeat => "heartbeat",
            Self::Client => "client",
            Self::Relay => "relay",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_found_by_its_identifier() {
        for role in Role::ALL {
            assert_eq!(Role::from_alpn(role.alpn()), Some(role));
            let identifier = format!("metaserve-{role}/1");
            assert_eq!(role.alpn(), identifier.as_bytes());
        }
        assert_eq!(Role::from_alpn(b"metaserve-client/2"), None);
    }
}

//! Determines which address a peer is known to hold. Pure.
//!
//! A peer's address may change at any time (a router that has dropped its mapping, another
//! network), and QUIC follows at once: `remote_address()` is whatever address the newest packet
//! claims to come from. QUIC checks only afterwards whether the peer can be reached there, and
//! does not report the result. It sends a token there, in a `PATH_CHALLENGE` (RFC 9000, section
//! 8.2), and returns to the old address if the peer does not send the token back. So a peer that
//! keeps forging its source address is seen at the forged address most of the time.
//!
//! The number of challenges shows the result. Until the token has come back, every packet to the
//! new address carries a challenge, and each change from a proven address to an unproven one sends
//! one more. A peer is therefore known to have returned the token if it is seen at the same
//! address twice and was sent an acknowledgement in between without a challenge: acknowledgements
//! are sent only to the current address. A live peer causes an acknowledgement with every
//! keep-alive.

use std::net::SocketAddr;

/// The state of a connection that QUIC shows at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The address that the newest packet claims to come from.
    address: SocketAddr,
    /// Challenges sent so far.
    challenges: u64,
    /// Acknowledgements sent so far.
    acknowledgements: u64,
}

impl Seen {
    /// The current state of the connection; `None` if it is sending at this moment, so that the
    /// values might not belong together.
    pub(super) fn of(connection: &quinn::Connection) -> Option<Self> {
        let counted = || {
            let sent = connection.stats().frame_tx;
            (sent.path_challenge, sent.acks)
        };
        let before = counted();
        let address = metaserve::address::canonical(connection.remote_address());
        let (challenges, acknowledgements) = counted();
        (before == (challenges, acknowledgements)).then_some(Self {
            address,
            challenges,
            acknowledgements,
        })
    }
}

/// The address that a peer has proved to hold, and another that it claims.
#[derive(Debug)]
pub(super) struct Path {
    held: SocketAddr,
    /// Boxed because few peers ever move.
    claimed: Option<Box<Seen>>,
}

impl Path {
    /// Starts with the address of the handshake, which cannot be completed from a forged address.
    pub(super) const fn new(held: SocketAddr) -> Self {
        Self {
            held,
            claimed: None,
        }
    }

    /// Whether the peer is at its known address and has claimed no other: no check is needed.
    pub(super) fn is_settled(&self, address: SocketAddr) -> bool {
        address == self.held && self.claimed.is_none()
    }

    /// Checks the address. Returns the new one once it is certain that the peer holds it.
    pub(super) fn look(&mut self, now: Seen) -> Option<SocketAddr> {
        if now.address == self.held {
            self.claimed = None;
            return None;
        }
        let before = self.claimed.replace(Box::new(now))?;
        if (before.address, before.challenges) != (now.address, now.challenges) {
            return None;
        }
        if before.acknowledgements == now.acknowledgements {
            // Nothing was sent, so there is no evidence either way.
            return None;
        }
        self.claimed = None;
        self.held = now.address;
        Some(self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(port: u16, challenges: u64, acknowledgements: u64) -> Seen {
        Seen {
            address: ([192, 0, 2, 1], port).into(),
            challenges,
            acknowledgements,
        }
    }

    fn path() -> Path {
        Path::new(([192, 0, 2, 1], 1).into())
    }

    #[test]
    fn a_new_address_is_trusted_after_an_acknowledgement_without_a_challenge() {
        let mut path = path();
        assert_eq!(path.look(look(1, 0, 9)), None);
        assert_eq!(path.look(look(2, 2, 9)), None, "just seen");
        assert_eq!(path.look(look(2, 2, 9)), None, "nothing was sent");
        let new = Some(look(2, 2, 9).address);
        assert_eq!(path.look(look(2, 2, 10)), new);
        assert_eq!(path.look(look(2, 2, 11)), None, "already known");
        assert_eq!(path.look(look(1, 4, 11)), None);
        assert!(path.look(look(1, 4, 12)).is_some(), "and back");
    }

    #[test]
    fn a_peer_that_keeps_forging_its_address_is_never_trusted() {
        let mut path = path();
        // Every acknowledgement to the forged address carries a challenge. Between them the
        // connection returns to the old address, which the check sometimes sees and sometimes
        // misses.
        for round in 0..1_000 {
            let port = if round % 7 == 0 { 1 } else { 2 };
            assert_eq!(path.look(look(port, 2 * round, 3 * round)), None);
        }
        // Silence proves nothing.
        for _ in 0..10 {
            assert_eq!(path.look(look(2, 2_000, 3_000)), None);
        }
    }

    #[test]
    fn a_peer_that_has_not_moved_needs_no_check() {
        let mut path = path();
        let [here, there] = [1, 2].map(|port| look(port, 0, 0).address);
        assert!(path.is_settled(here) && !path.is_settled(there));
        path.look(look(2, 1, 1));
        assert!(!path.is_settled(here), "the claim is still pending");
        path.look(look(1, 1, 1));
        assert!(path.is_settled(here));
    }
}

//! Which address a peer is known to hold: pure.
//!
//! A peer may come from another address at any time (a router that has forgotten it, another
//! network), and QUIC goes along at once: `remote_address()` is wherever the newest packet claims
//! to be from. Whether the peer can be reached there QUIC finds out afterwards, and does not tell
//! us: it asks there for a token to be sent back, in a `PATH_CHALLENGE` (RFC 9000, section 8.2), and
//! returns to the old address when none comes. A peer that never ceases to forge its source
//! address is so seen at the forged one most of the time.
//!
//! What tells is how often the challenge is sent. Until the token has come back, every packet
//! to the new address carries the challenge, and each turn from a proven address to an unproven
//! one sends one more. So whoever is seen at the same address twice, and was sent an acknowledgement
//! in between without a challenge, has sent the token back: acknowledgements only go where the
//! connection is. Peers that are alive cause one with every keep-alive.

use std::net::SocketAddr;

/// What QUIC shows of a connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Where the newest packet claims to be from.
    address: SocketAddr,
    /// Challenges sent so far.
    challenges: u64,
    /// Acknowledgements sent so far.
    acknowledgements: u64,
}

impl Seen {
    /// The connection as it is now; none when it is just sending, so that what is seen might not
    /// belong together.
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

/// The address that a peer has shown to hold, and one that it may come to hold.
#[derive(Debug)]
pub(super) struct Path {
    held: SocketAddr,
    /// Boxed, since few peers ever move.
    claimed: Option<Box<Seen>>,
}

impl Path {
    /// Begins with the address of the handshake, which nobody completes without holding it.
    pub(super) const fn new(held: SocketAddr) -> Self {
        Self {
            held,
            claimed: None,
        }
    }

    /// Whether the peer is where it has been, with nothing to be found out: no look is needed.
    pub(super) fn is_settled(&self, address: SocketAddr) -> bool {
        address == self.held && self.claimed.is_none()
    }

    /// Takes a look. Gives the new address when it has become certain that the peer holds it.
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
            // Nothing was sent: no evidence for either.
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
    fn an_answered_challenge_is_believed_once_something_was_sent_without_another() {
        let mut path = path();
        assert_eq!(path.look(look(1, 0, 9)), None);
        assert_eq!(path.look(look(2, 2, 9)), None, "just seen");
        assert_eq!(path.look(look(2, 2, 9)), None, "nothing was sent");
        let new = Some(look(2, 2, 9).address);
        assert_eq!(path.look(look(2, 2, 10)), new);
        assert_eq!(path.look(look(2, 2, 11)), None, "it is known");
        assert_eq!(path.look(look(1, 4, 11)), None);
        assert!(path.look(look(1, 4, 12)).is_some(), "and back");
    }

    #[test]
    fn who_forges_his_address_without_end_is_never_believed() {
        let mut path = path();
        // Every acknowledgement to the forged address carries a challenge; between them the
        // connection returns to the old one, sometimes seen and sometimes not.
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
    fn who_has_not_moved_needs_no_look() {
        let mut path = path();
        let [here, there] = [1, 2].map(|port| look(port, 0, 0).address);
        assert!(path.is_settled(here) && !path.is_settled(there));
        path.look(look(2, 1, 1));
        assert!(!path.is_settled(here), "the claim is still to be forgotten");
        path.look(look(1, 1, 1));
        assert!(path.is_settled(here));
    }
}

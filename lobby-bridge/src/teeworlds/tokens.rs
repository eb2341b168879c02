//! Tokens of the master: a keyed hash of a peer's address and of the time, so that they prove the
//! address and need no memory (`docs/specifications/ddnet-register.md`, section 15).
//!
//! They have 32 bits, since the protocol has no more. An attacker who guesses the token of another
//! address, which takes a million datagrams a second for an hour on average, has a list sent there.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use metaserve_query::teeworlds::packets::Token;
use ring::hmac;

/// What stands for no token.
const NONE: Token = [0xff; 4];

/// What a token is for, so that none serves for two purposes.
#[derive(Clone, Copy)]
enum Purpose {
    /// Given to a peer that asks for it.
    Given = 0,
    /// Ours in a check.
    Check = 1,
}

/// Makes tokens, and recognises them.
#[derive(Debug)]
pub(super) struct Tokens {
    key: hmac::Key,
    /// The time from which epochs are counted.
    start: Option<Instant>,
    checks: u64,
}

impl Tokens {
    pub(super) fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed),
            start: None,
            checks: 0,
        }
    }

    /// The token of a peer now; it is renewed after each `lifetime`.
    pub(super) fn of(&mut self, peer: SocketAddr, lifetime: Duration, now: Instant) -> Token {
        let epoch = self.epoch(lifetime, now);
        self.sign(Purpose::Given, epoch, Some(peer))
    }

    /// Whether a peer was given this token in this lifetime or the one before.
    pub(super) fn accepts(
        &mut self,
        token: Token,
        peer: SocketAddr,
        lifetime: Duration,
        now: Instant,
    ) -> bool {
        let epoch = self.epoch(lifetime, now);
        let epochs = [Some(epoch), epoch.checked_sub(1)];
        let mut good = epochs.into_iter().flatten();
        good.any(|epoch| self.sign(Purpose::Given, epoch, Some(peer)) == token)
    }

    /// A token for a new check.
    pub(super) fn check(&mut self) -> Token {
        self.checks += 1;
        self.sign(Purpose::Check, self.checks, None)
    }

    fn epoch(&mut self, lifetime: Duration, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        let passed = now.saturating_duration_since(start).as_millis();
        u64::try_from(passed / lifetime.as_millis().max(1)).unwrap_or(u64::MAX)
    }

    fn sign(&self, purpose: Purpose, number: u64, peer: Option<SocketAddr>) -> Token {
        let mut signed = vec![purpose as u8];
        signed.extend(number.to_be_bytes());
        if let Some(peer) = peer {
            match peer.ip() {
                IpAddr::V4(ip) => signed.extend(ip.octets()),
                IpAddr::V6(ip) => signed.extend(ip.octets()),
            }
            signed.extend(peer.port().to_be_bytes());
        }
        let tag = hmac::sign(&self.key, &signed);
        let mut token = NONE;
        token.copy_from_slice(&tag.as_ref()[..4]);
        // It must not be the one that stands for none.
        match token {
            NONE => [0; 4],
            token => token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_token_is_of_one_address_and_holds_for_the_next_lifetime_too() {
        let (mut tokens, start) = (Tokens::from_seed([1; 32]), metaserve::time::now());
        let peer: SocketAddr = "192.0.2.1:8303".parse().unwrap();
        let token = tokens.of(peer, MINUTE, start);
        let mut good = |peer: &str, seconds| {
            let now = start + Duration::from_secs(seconds);
            tokens.accepts(token, peer.parse().unwrap(), MINUTE, now)
        };
        assert!(good("192.0.2.1:8303", 0) && good("192.0.2.1:8303", 119));
        assert!(!good("192.0.2.1:8303", 120), "it is replayed");
        for other in ["192.0.2.1:8304", "192.0.2.2:8303", "[2001:db8::1]:8303"] {
            assert!(!good(other, 0), "{other}");
        }
        let mut others = Tokens::from_seed([2; 32]);
        assert!(!others.accepts(token, peer, MINUTE, start), "another run");
    }

    #[test]
    fn a_token_of_a_check_is_not_one_that_was_given() {
        let (mut tokens, now) = (Tokens::from_seed([1; 32]), metaserve::time::now());
        let (first, second) = (tokens.check(), tokens.check());
        assert_ne!(first, second);
        let peer = "192.0.2.1:8303".parse().unwrap();
        assert!(!tokens.accepts(first, peer, MINUTE, now));
    }
}

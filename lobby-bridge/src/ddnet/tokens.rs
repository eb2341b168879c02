//! Tokens of challenges, which prove that a server receives at the address that it registers, and
//! the challenge itself. Pure. (`docs/specifications/ddnet-register.md`, section 4.)

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use ring::hmac;
use subtle::ConstantTimeEq;

use super::{
    address::{Address, Scheme},
    request::Registration,
};

/// How long new tokens are made from the same hour. Those of the hour before are good as well.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Bytes in a token, before it is written in base64.
const TOKEN_BYTES: usize = 16;

/// Makes and checks tokens. Nothing is remembered: a token is a keyed hash of the address and of
/// the hour, so that it survives a restart with the same seed.
#[derive(Clone)]
pub struct Tokens {
    key: hmac::Key,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// Whether a token proves its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It does.
    Good,
    /// It does, but not for much longer: the server needs a new one.
    Ending,
    /// It does not.
    None,
}

impl Tokens {
    /// Makes the tokens of this seed, which nobody else may know.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        Self { key }
    }

    fn token(&self, address: &Address, hour: u64) -> String {
        let message = format!("{hour} {address}");
        let tag = hmac::sign(&self.key, message.as_bytes());
        BASE64.encode(&tag.as_ref()[..TOKEN_BYTES])
    }

    /// Checks a token for this address.
    pub(super) fn check(&self, token: &str, address: &Address, wall: SystemTime) -> Proof {
        let hour = hour(wall);
        let is = |hour| {
            let expected = self.token(address, hour);
            bool::from(expected.as_bytes().ct_eq(token.as_bytes()))
        };
        match (is(hour), is(hour.wrapping_sub(1))) {
            (true, _) => Proof::Good,
            (false, true) => Proof::Ending,
            (false, false) => Proof::None,
        }
    }

    /// The datagram that brings a server its token.
    pub(super) fn challenge(
        &self,
        address: &Address,
        asked: &Registration,
        wall: SystemTime,
    ) -> Bytes {
        let mut datagram = match (address.scheme, asked.connless_token) {
            (Scheme::Seven, Some(token)) => [&[0x21][..], &token, &[0xff; 8]].concat(),
            _ => vec![0xff; 10],
        };
        let token = self.token(address, hour(wall));
        for part in ["chal", &asked.challenge_secret, "\0", &token, "\0"] {
            datagram.extend(part.as_bytes());
        }
        datagram.into()
    }
}

fn hour(wall: SystemTime) -> u64 {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / HOUR.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_own_address_and_for_two_hours() {
        let tokens = Tokens::from_seed(&[7; 32]);
        let start = UNIX_EPOCH + HOUR * 100;
        let ours = address("tw-0.6+udp://192.0.2.1:8303");
        let token = tokens.token(&ours, 100);
        assert_eq!(token.len(), 24);
        let second = Duration::from_secs(1);
        for (wall, proof) in [
            (start, Proof::Good),
            (start + HOUR - second, Proof::Good),
            (start + HOUR, Proof::Ending),
            (start + 2 * HOUR - second, Proof::Ending),
            (start + 2 * HOUR, Proof::None),
            (start - second, Proof::None),
        ] {
            assert_eq!(tokens.check(&token, &ours, wall), proof);
        }
        for other in [
            "tw-0.7+udp://192.0.2.1:8303",
            "tw-0.6+udp://192.0.2.2:8303",
            "tw-0.6+udp://192.0.2.1:8304",
        ] {
            assert_eq!(tokens.check(&token, &address(other), start), Proof::None);
        }
        let others = Tokens::from_seed(&[8; 32]);
        assert_eq!(others.check(&token, &ours, start), Proof::None);
        assert_eq!(tokens.check("", &ours, start), Proof::None);
    }

    #[test]
    fn challenges_are_as_they_were_recorded() {
        let tokens = Tokens::from_seed(&[7; 32]);
        let mut asked = Registration {
            challenge_secret: "6fc7885b-85e8-4e39-a7e7-70d33ba47b8c:tw0.6/ipv4".into(),
            connless_token: None,
            challenge_token: None,
            serial: 0,
            body: Bytes::new(),
            is_json: false,
        };
        let six = address("tw-0.6+udp://192.0.2.1:8303");
        let challenge = tokens.challenge(&six, &asked, UNIX_EPOCH);
        assert_eq!(challenge.len(), 87);
        assert_eq!(
            challenge[..14],
            *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffchal"
        );
        let parts: Vec<&[u8]> = challenge[14..].split(|it| *it == 0).collect();
        let token = tokens.token(&six, 0);
        let expected: [&[u8]; 3] = [asked.challenge_secret.as_bytes(), token.as_bytes(), b""];
        assert_eq!(parts, expected);
        asked.connless_token = Some([0xd6, 0x4c, 0xf2, 0x67]);
        let seven = address("tw-0.7+udp://192.0.2.1:8303");
        let challenge = tokens.challenge(&seven, &asked, UNIX_EPOCH);
        assert_eq!(challenge.len(), 90);
        assert_eq!(
            challenge[..17],
            *b"\x21\xd6\x4c\xf2\x67\xff\xff\xff\xff\xff\xff\xff\xffchal"
        );
    }
}

//! Tokens and salts that cannot be guessed, made from a seed that the caller provides.

use std::fmt;

use ring::hmac;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// An endless supply of secrets.
pub struct Secrets {
    key: hmac::Key,
    used: u64,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Makes the supply of this seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        Self { key, used: 0 }
    }

    /// Returns 128 bits as 32 hexadecimal digits (`docs/specifications/myth-metaserver.md`, section
    /// 6.3).
    pub(super) fn token(&mut self) -> [u8; 32] {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
        let block = self.block();
        std::array::from_fn(|at| digit(block[at / 2] >> (4 * (1 - at % 2))))
    }

    /// Returns 15 letters and digits and a NUL: clients handle it as a C string
    /// (`docs/specifications/myth-metaserver.md`, section 8.5).
    pub(super) fn salt(&mut self) -> [u8; 16] {
        let block = self.block();
        std::array::from_fn(|at| match at {
            15 => 0,
            _ => LETTERS[usize::from(block[at]) % LETTERS.len()],
        })
    }

    fn block(&mut self) -> [u8; 32] {
        self.used += 1;
        let tag = hmac::sign(&self.key, &self.used.to_be_bytes());
        std::array::from_fn(|at| tag.as_ref()[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hexadecimal_and_salts_are_c_strings() {
        let mut secrets = Secrets::from_seed([7; 32]);
        let (token, other) = (secrets.token(), secrets.token());
        assert_ne!(token, other);
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(token.iter().all(digit));
        let salt = secrets.salt();
        assert!(salt[..15].iter().all(u8::is_ascii_alphanumeric));
        assert_eq!(salt[15], 0);
    }

    #[test]
    fn every_bit_of_a_token_and_every_letter_of_a_salt_is_used() {
        let mut secrets = Secrets::from_seed([7; 32]);
        let blocks: Vec<_> = (1..=200_u64)
            .map(|number| hmac::sign(&secrets.key, &number.to_be_bytes()))
            .collect();
        let (mut digits, mut letters) = (Vec::new(), Vec::new());
        for block in &blocks[..100] {
            let hexadecimal: String = block.as_ref()[..16]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let token = secrets.token();
            assert_eq!(token[..], *hexadecimal.as_bytes());
            digits.extend(token);
        }
        for _ in &blocks[100..] {
            letters.extend(&secrets.salt()[..15]);
        }
        for (mut seen, all) in [(digits, 16), (letters, 62)] {
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), all);
        }
    }
}

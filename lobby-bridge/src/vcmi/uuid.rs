//! The random UUIDs of game sessions.

use std::{fmt, str::FromStr};

use ring::hmac;

/// A version 4 UUID. Everyone who knows it can connect to the session, so it must not be guessable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

/// The text is not 36 characters of the form 8-4-4-4-12, hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct InvalidUuid;

impl FromStr for Uuid {
    type Err = InvalidUuid;

    /// Case does not matter. Blanks around the text are not allowed.
    fn from_str(text: &str) -> Result<Self, InvalidUuid> {
        let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| InvalidUuid)?;
        let mut digits = [0; 32];
        let mut next = digits.iter_mut();
        for (position, &byte) in text.iter().enumerate() {
            if matches!(position, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(InvalidUuid);
                }
                continue;
            }
            let digit = char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok());
            *next.next().ok_or(InvalidUuid)? = digit.ok_or(InvalidUuid)?;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    /// Lower-case, 8-4-4-4-12.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    /// Shows only the beginning, since not everyone who reads the log may join the game.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}..", self.0[0], self.0[1])
    }
}

/// An endless supply of UUIDs from one secret: HMAC-SHA-256 of a counter. The same seed gives
/// the same UUIDs. Without the seed, seen UUIDs do not help to guess others.
#[derive(Debug)]
pub struct Uuids {
    key: hmac::Key,
    given: u64,
}

impl Uuids {
    /// Makes the supply of `seed`: 32 bytes that nobody else knows.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed),
            given: 0,
        }
    }

    /// Returns the next UUID.
    pub fn take(&mut self) -> Uuid {
        let tag = hmac::sign(&self.key, &self.given.to_le_bytes());
        self.given += 1;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag.as_ref()[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x40; // version 4: random
        bytes[8] = bytes[8] & 0x3f | 0x80; // the variant of RFC 9562
        Uuid(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn each_uuid_is_new_and_reads_back_in_either_case() {
        let mut uuids = Uuids::from_seed([7; 32]);
        let given: Vec<Uuid> = (0..1000).map(|_| uuids.take()).collect();
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), 1000);
        for uuid in given {
            let text = uuid.to_string();
            assert_eq!((text.len(), &text[14..15]), (36, "4"));
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
            assert_eq!(text.parse(), Ok(uuid));
            assert_eq!(text.to_uppercase().parse(), Ok(uuid));
        }
    }

    #[test]
    fn invalid_texts_are_refused() {
        let good = "01234567-89ab-cdef-0123-456789abcdef";
        assert!(good.parse::<Uuid>().is_ok());
        let bad = [
            "",
            &good[1..],
            "01234567-89ab-cdef-0123-456789abcdeg",
            "0123456789ab-cdef-0123-456789abcdef-",
            "+1234567-89ab-cdef-0123-456789abcdef",
            " 1234567-89ab-cdef-0123-456789abcdef",
        ];
        for text in bad {
            assert_eq!(text.parse::<Uuid>(), Err(InvalidUuid), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_handled_without_panic(text: String) {
            let _ = text.parse::<Uuid>();
        }
    }
}

//! Inputs that consist of parts: a byte that says how a part is meant, its length in two bytes, and
//! the part itself. A length that is too large means all that is left.

use std::{net::SocketAddr, time::Duration};

/// A part of an input.
pub struct Part<'a> {
    /// How it is meant.
    pub control: u8,
    /// What it is.
    pub bytes: &'a [u8],
}

impl Part<'_> {
    /// The time that passes before it: up to 7.5 s.
    #[must_use]
    pub fn passes(&self) -> Duration {
        Duration::from_millis(u64::from(self.control & 0x0f) * 500)
    }

    /// Whom it comes from: one of four peers.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        SocketAddr::from(([8, 8, 8, self.control >> 4 & 3], 27_960))
    }

    /// The part with `word` in the place of each `{c}`: inputs know no challenge beforehand.
    #[must_use]
    pub fn with(&self, word: &[u8]) -> Vec<u8> {
        let (mut filled, mut rest) = (Vec::new(), self.bytes);
        while let Some(at) = rest.windows(3).position(|it| it == b"{c}") {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(word);
            rest = &rest[at + 3..];
        }
        filled.extend_from_slice(rest);
        filled
    }
}

/// The parts of an input.
pub fn parts(mut input: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let (&[control, high, low], rest) = input.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (bytes, rest) = rest.split_at(length.min(rest.len()));
        input = rest;
        Some(Part { control, bytes })
    })
}

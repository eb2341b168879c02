//! The simple scrambling of passwords (`docs/specifications/myth-metaserver.md`, section 8.3).
//!
//! Checking an answer needs the password itself, which accounts here do not store. It is therefore
//! never asked for. It is kept for programs that talk to other servers.

use std::ops::BitXor;

/// Returns the key with which a client answers `salt`.
#[must_use]
pub fn scramble(password: &[u8], salt: [u8; 16]) -> [u8; 16] {
    let mut key = salt;
    for (byte, typed) in key.iter_mut().zip(password) {
        *byte = byte.bitxor(typed);
    }
    for at in 1..key.len() {
        key[at] ^= key[at - 1];
    }
    for at in 1..key.len() {
        key[at] = !key[at].wrapping_mul(key[at - 1]);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specified_vectors_hold() {
        let count = std::array::from_fn(|at| at as u8);
        let double = std::array::from_fn(|at| 0x11 * at as u8);
        let mut empty = [0xff; 16];
        empty[0] = 0;
        let table: [(&[u8], [u8; 16], u128); 3] = [
            (b"secret", count, 0x73aaa38a03baa5d181683745fd445b2d),
            (b"marathon", double, 0x6da611f0ef31d4571924fb09c1ac03f9),
            (b"", [0; 16], u128::from_be_bytes(empty)),
        ];
        for (password, salt, key) in table {
            assert_eq!(scramble(password, salt), key.to_be_bytes());
        }
        assert_eq!(
            scramble(b"a password that is too long", count),
            scramble(b"a password that ", count)
        );
    }
}

//! Tokens, which stand for a password for a minute.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Characters and bytes of a token (`docs/specifications/myth-metaserver.md`, section 9).
pub const TOKEN_BYTES: usize = 16;

/// Letters and digits, none more likely than another.
pub(super) fn new_token() -> [u8; TOKEN_BYTES] {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = SystemRandom::new();
    std::array::from_fn(|_| {
        loop {
            let mut byte = [0];
            let filled = random.fill(&mut byte);
            filled.expect("the operating system gives random bytes");
            // 248 is the last multiple of 62: what lies above would favour the first letters.
            if byte[0] < 248 {
                return ALPHABET[usize::from(byte[0]) % ALPHABET.len()];
            }
        }
    })
}

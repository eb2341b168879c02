//! Tokens, which replace a password for a minute.

use ring::rand::{SecureRandom as _, SystemRandom};

/// The length of a token in characters and bytes (`docs/specifications/myth-metaserver.md`, section
/// 9).
pub const TOKEN_BYTES: usize = 16;

/// Makes a token of random letters and digits, all equally likely.
pub(super) fn new_token() -> [u8; TOKEN_BYTES] {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = SystemRandom::new();
    std::array::from_fn(|_| {
        loop {
            let mut byte = [0];
            let filled = random.fill(&mut byte);
            filled.expect("the operating system provides random bytes");
            // 248 is the last multiple of 62. Higher values would favour the first letters.
            if byte[0] < 248 {
                return ALPHABET[usize::from(byte[0]) % ALPHABET.len()];
            }
        }
    })
}

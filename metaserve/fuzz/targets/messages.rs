//! Bytes to messages, by every decoder. Input: a byte that names the decoder, and the message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metaserve::protocol::{
    client::{ListMessage, Subscribe},
    codec::{decode, encode},
    heartbeat::{FromDaemon, FromServer},
    relay::FromRelay,
};

/// The longest list that is accepted.
const MAX_BYTES: usize = 1 << 16;

/// What was understood is understood again, and is no longer than what it was read from.
macro_rules! read {
    ($message:ident, $bytes:expr) => {
        if let Ok(message) = decode::<$message<'_>>($bytes) {
            let again = encode(message);
            assert!(again.len() <= $bytes.len());
            assert_eq!(decode::<$message<'_>>(&again), Ok(message));
        }
    };
}

fuzz_target!(|input: &[u8]| {
    let Some((&decoder, bytes)) = input.split_first() else {
        return;
    };
    match decoder {
        0 => read!(FromServer, bytes),
        1 => read!(FromDaemon, bytes),
        2 => read!(Subscribe, bytes),
        3 => read!(FromRelay, bytes),
        _ => list(bytes),
    }
});

/// Memory follows the bytes that there are, not those that are claimed.
fn list(bytes: &[u8]) {
    let Ok(list) = ListMessage::decode(bytes, MAX_BYTES) else {
        return;
    };
    let said = list
        .placed
        .iter()
        .map(|it| it.heartbeat.len() + it.game.as_str().len());
    let heard = list.updated.iter().map(|(_, heartbeat)| heartbeat.len());
    let items = list.removed.len() + list.placed.len() + list.updated.len();
    let most = bytes.len().max(MAX_BYTES);
    assert!(said.chain(heard).sum::<usize>() + items <= most);
}

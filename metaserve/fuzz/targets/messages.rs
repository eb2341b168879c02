//! Bytes to messages, by every decoder. Input: a byte that names the decoder, and the message.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use metaserve::protocol::{
    client::{ListMessage, Subscribe},
    cluster::{Answer, Ask, Changes, FromMember, MAX_BODY_BYTES, unpack_bans},
    codec::{decode, decode_extended, encode, encode_extended},
    extensions::{Carrier, Extensions},
    heartbeat::{FromDaemon, FromServer},
    names,
    relay::FromRelay,
};

type FromPeer<'a> = names::FromPeer<'a>;
type NamesAnswer<'a> = names::FromDaemon<'a>;

/// The longest list that is accepted.
const MAX_BYTES: usize = 1 << 16;

/// A decoded message can be encoded and decoded again, and does not become longer.
macro_rules! read {
    ($message:ident, $bytes:expr) => {
        if let Ok((message, extensions)) = decode_extended::<$message<'_>>($bytes) {
            let again = encode_extended(message, &extensions);
            assert!(again.len() <= $bytes.len());
            assert_eq!(
                decode_extended::<$message<'_>>(&again),
                Ok((message, extensions))
            );
            let plain = encode(message);
            assert!(again.starts_with(&plain));
            assert_eq!(decode::<$message<'_>>(&plain), Ok(message));
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
        4 => extensions(bytes),
        6 => cluster(bytes),
        7 => {
            read!(FromPeer, bytes);
            read!(NamesAnswer, bytes);
            names(bytes);
        }
        _ => list(bytes),
    }
});

/// Decoded extensions are in order, and are written as they were read, or shorter.
fn extensions(bytes: &[u8]) {
    let Ok(list) = Extensions::read(bytes, Carrier::Server) else {
        return;
    };
    assert!(list.iter().is_sorted_by(|before, after| before.0 < after.0));
    assert!(list.iter().all(|(tag, _)| tag % 2 == 0), "no odd tag is known");
    let again = Extensions::new(list.iter()).expect("it was in order");
    assert!(again.as_bytes().len() <= bytes.len());
    assert!(again.iter().eq(list.iter()));
}

/// Memory follows the bytes that there are, not those that are claimed.
fn list(bytes: &[u8]) {
    let Ok(list) = ListMessage::decode(bytes, MAX_BYTES) else {
        return;
    };
    let said = list
        .placed
        .iter()
        .map(|it| it.heartbeat.len() + it.game.as_str().len() + it.extensions.as_bytes().len());
    let heard = list
        .updated
        .iter()
        .map(|it| it.heartbeat.len() + it.extensions.as_bytes().len());
    let items = list.removed.len() + list.placed.len() + list.left_out.len() + list.updated.len();
    let most = bytes.len().max(MAX_BYTES);
    assert!(said.chain(heard).sum::<usize>() + items <= most);
}

/// A message of the cluster is written as it was read; bodies are read or refused.
fn cluster(bytes: &[u8]) {
    let payload = Bytes::copy_from_slice(bytes);
    if let Ok(message) = FromMember::decode(&payload) {
        assert_eq!(FromMember::decode(&message.encode()), Ok(message));
    }
    if let Ok(ask) = Ask::decode(&payload) {
        assert_eq!(Ask::decode(&ask.encode()), Ok(ask));
    }
    if let Ok(answer) = Answer::decode(&payload) {
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }
    let _ = Changes::read(&payload, MAX_BODY_BYTES).and_then(Changes::all);
    let _ = unpack_bans(&payload);
}

/// What passes the checks of names is written as it was read, or shorter.
fn names(bytes: &[u8]) {
    let _ = names::read(bytes);
    let Ok(message) = decode::<NamesAnswer<'_>>(bytes) else {
        return;
    };
    if let Ok(answer) = message.own() {
        let again = encode(NamesAnswer::from(&answer));
        let read = decode::<NamesAnswer<'_>>(&again).map(|message| message.own());
        assert_eq!(read, Ok(Ok(answer)));
    }
}

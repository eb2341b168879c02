//! Bytes to every protocol's conversation. Input: a byte that names the protocol, and the server's
//! datagrams or pieces of a stream, each with its length in two bytes first.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metaserve_query::{Target, fake, replay};

fuzz_target!(|input: &[u8]| {
    let Some((&protocol, mut rest)) = input.split_first() else {
        return;
    };
    let mut pieces = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (piece, after) = after.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    let protocols = fake::protocols();
    let protocol = protocols[usize::from(protocol) % protocols.len()];
    let host = "fake.example".to_owned();
    let target = Target { protocol, host, port: 1 };
    if let Ok(answer) = replay(&target, pieces) {
        let info = answer.info;
        assert_eq!(info.check(), Ok(()));
        assert!(info.to_json().len() <= 8 * 1024);
    }
});

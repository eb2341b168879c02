//! Bytes to frames, and frames to handshakes.

use bytes::BytesMut;
use metaserve_lobby_bridge::vcmi::{
    codec::{frame, take_frame},
    grammar::{integer, tags},
    handshake::{is_pipe, prefix, role, uuid},
};

const LIMIT: usize = 4096;

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let Some((&cut, wire)) = input.split_first() else {
        return;
    };
    let mut whole = BytesMut::from(wire);
    let (mut pieces, mut frames) = (BytesMut::new(), Vec::new());
    'stream: for piece in wire.chunks(usize::from(cut) + 1) {
        pieces.extend_from_slice(piece);
        loop {
            match take_frame(&mut pieces, LIMIT) {
                Ok(Some(payload)) => frames.push(payload),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    // The frames are the same wherever the stream was cut.
    for payload in frames {
        assert!(!payload.is_empty() && payload.len() <= LIMIT);
        assert_eq!(take_frame(&mut whole, LIMIT), Ok(Some(payload.clone())));
        assert_eq!(frame(&payload).len(), payload.len() + 4);
        let _ = (is_pipe(&payload), role(&payload), uuid(&payload));
        if let Ok((prefix, text)) = prefix(&payload) {
            for tag in tags(&prefix.encoding.decode(text)) {
                let _ = integer(tag.value);
            }
        }
    }
}

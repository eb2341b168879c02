//! Bytes to frames, frames to packets, and the texts and game descriptions in them.

use bytes::BytesMut;
use metaserve_lobby_bridge::aleph_one::{
    codec::{FRAME_BYTES, take_frame},
    description::Description,
    names,
    received::{Packet, packet},
    text,
};

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
            match take_frame(&mut pieces) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    // The frames are the same wherever the stream was cut.
    for (kind, body) in frames {
        assert!(body.len() <= FRAME_BYTES - 8);
        assert_eq!(take_frame(&mut whole), Ok(Some((kind, body.clone()))));
        match packet(kind, &body) {
            Ok(Packet::CreateGame(game)) => {
                if let Ok(description) = Description::parse(&game.description) {
                    assert_eq!(description.encode(), game.description);
                }
            }
            Ok(Packet::Login(login)) => {
                let shown = names::registered(&login.player.name, &login.username, 63);
                assert!(shown.len() <= 63);
                let encoded = text::encode(&text::decode(&shown));
                assert_eq!(encoded, shown, "MacRoman survives the round trip");
            }
            _ => {}
        }
    }
}

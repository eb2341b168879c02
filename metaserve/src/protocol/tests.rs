//! Every decoder meets any bytes, and gives back what was encoded.

mod lists;
pub(in crate::protocol) mod page;
mod strictness;
mod vectors;

use super::{
    client::{Compression, ListMessage, Subscribe},
    codec::{self, DecodeError, Message},
    extensions::{Carrier, Extensions},
    heartbeat::{FromDaemon, FromServer, Hello, Notice, NoticeKind, Welcome},
    relay::{FromRelay, Upsert},
    roles::EXTENSIONS_BYTES,
};
use crate::list::Cursor;
use proptest::prelude::*;
use std::net::SocketAddr;

fn round_trip<'a, M>(message: M, bytes: &'a mut Vec<u8>) -> Result<(), TestCaseError>
where
    M: Message + Copy + PartialEq + std::fmt::Debug + bincode::BorrowDecode<'a, ()>,
{
    let extensions = Extensions::new([(0, &b""[..]), (8, b"later")]).unwrap();
    *bytes = codec::encode(message);
    prop_assert_eq!(
        codec::encode_extended(message, &Extensions::default()),
        &bytes[..]
    );
    *bytes = codec::encode_extended(message, &extensions);
    let bytes = &*bytes;
    prop_assert_eq!(codec::decode::<M>(bytes), Ok(message));
    prop_assert_eq!(
        codec::decode_extended::<M>(bytes),
        Ok((message, extensions))
    );
    Ok(())
}

/// Whether a message with this heartbeat and as many extensions as it may have is not too long,
/// where the heartbeat is not.
fn fits(role: crate::Role, heartbeat: &[u8], message: impl Message) -> bool {
    let limits = crate::Limits {
        max_heartbeat_bytes: heartbeat.len(),
        ..crate::Limits::default()
    };
    codec::encode(message).len() + EXTENSIONS_BYTES <= role.max_message(&limits)
}

/// Whether no beginning of the message is taken for all of it.
fn cut_short<'a, M: Message + bincode::BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> bool {
    (0..bytes.len()).all(|end| codec::decode::<M>(&bytes[..end]).is_err())
}

proptest! {
    #[test]
    fn heartbeat_messages_survive(
        game: String,
        port: Option<u16>,
        heartbeat: Vec<u8>,
        millis: u32,
        bytes: u32,
    ) {
        let hello = FromServer::Hello(Hello { game: &game, port });
        round_trip(hello, &mut Vec::new())?;
        prop_assert!(cut_short::<FromServer<'_>>(&codec::encode(hello)));
        let message = FromServer::Heartbeat(&heartbeat);
        round_trip(message, &mut Vec::new())?;
        prop_assert!(cut_short::<FromServer<'_>>(&codec::encode(message)));
        prop_assert!(fits(crate::Role::Heartbeat, &heartbeat, message));
        let welcome = Welcome { min_interval_millis: millis, max_heartbeat_bytes: bytes };
        round_trip(FromDaemon::Welcome(welcome), &mut Vec::new())?;
        let notice = Notice { kind: NoticeKind::from_number(millis), text: &game };
        round_trip(FromDaemon::Notice(notice), &mut Vec::new())?;
    }

    #[test]
    fn client_messages_survive(game: Option<String>, epoch: u64, revision: u64, resume: bool) {
        let subscribe = Subscribe {
            game: game.as_deref(),
            known: resume.then_some(Cursor { epoch, revision }),
            compression: Compression::Zstd,
        };
        round_trip(subscribe, &mut Vec::new())?;
    }

    #[test]
    fn relay_messages_survive(key: u64, ip: std::net::IpAddr, port: u16, heartbeat: Vec<u8>) {
        let game = "x".repeat(crate::Game::MAX_BYTES);
        let address = SocketAddr::new(ip, port);
        let upsert = Upsert { key, game: &game, address, heartbeat: &heartbeat };
        round_trip(FromRelay::Upsert(upsert), &mut Vec::new())?;
        prop_assert!(fits(crate::Role::Relay, &heartbeat, FromRelay::Upsert(upsert)));
        round_trip(FromRelay::Remove(key), &mut Vec::new())?;
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes: Vec<u8>) {
        let _ = codec::decode::<FromServer<'_>>(&bytes);
        let _ = codec::decode::<FromDaemon<'_>>(&bytes);
        let _ = codec::decode::<FromRelay<'_>>(&bytes);
        let _ = codec::decode::<Subscribe<'_>>(&bytes);
        let _ = ListMessage::decode(&bytes, 1 << 20);
    }

    /// Bytes that begin well and go on badly reach deeper than any bytes do.
    #[test]
    fn damaged_lists_make_no_decoder_panic(
        damage in proptest::collection::vec((0..200_usize, any::<u8>()), 1..4),
    ) {
        let mut bytes = lists::delta();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = ListMessage::decode(&bytes, 1 << 20);
    }
}

#[test]
fn the_longest_message_is_far_longer_than_any_heartbeat() {
    let long = vec![7; 2 << 20];
    let bytes = codec::encode(FromServer::Heartbeat(&long));
    let FromServer::Heartbeat(read) = codec::decode(&bytes).unwrap() else {
        panic!("it was a heartbeat");
    };
    assert_eq!(read, long);
}

#[test]
fn errors_say_what_is_wrong_with_a_message() {
    let hello = codec::encode(FromServer::Hello(Hello {
        game: "go",
        port: None,
    }));
    let mut no_text = hello.clone();
    let text = no_text.iter().position(|byte| *byte == b'g').unwrap();
    no_text[text] = 0xff;
    let endless = [1, 253, 255, 255, 255, 255, 255, 255, 255, 255];
    for (bytes, wrong) in [
        (&hello[..hello.len() - 1], DecodeError::CutShort),
        (&endless, DecodeError::OverLimit),
        (&[99], DecodeError::UnknownVariant(99)),
        (&no_text, DecodeError::Malformed("text that is not UTF-8")),
    ] {
        assert_eq!(
            codec::decode::<FromServer<'_>>(bytes).err(),
            Some(wrong),
            "{bytes:?}"
        );
    }
}

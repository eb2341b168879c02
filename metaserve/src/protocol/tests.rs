//! Every decoder meets any bytes, and gives back what was encoded.

use super::{
    client::{Compression, ListMessage, Subscribe},
    codec::{self, DecodeError},
    heartbeat::{FromDaemon, FromServer, Hello, Notice, NoticeKind, Welcome},
    relay::{FromRelay, Upsert},
};
use crate::list::Cursor;
use proptest::prelude::*;
use std::net::SocketAddr;

fn round_trip<'a, M>(message: M, bytes: &'a mut Vec<u8>) -> Result<(), TestCaseError>
where
    M: Copy + PartialEq + std::fmt::Debug + bincode::Encode + bincode::BorrowDecode<'a, ()>,
{
    *bytes = codec::encode(message);
    let bytes = &*bytes;
    prop_assert_eq!(codec::decode::<M>(bytes), Ok(message));
    Ok(())
}

fn cut_short<'a, M: bincode::BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> bool {
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
        let mut encoded = Vec::new();
        round_trip(hello, &mut encoded)?;
        prop_assert!(cut_short::<FromServer<'_>>(&encoded));
        let mut encoded = Vec::new();
        round_trip(FromServer::Heartbeat(&heartbeat), &mut encoded)?;
        prop_assert!(cut_short::<FromServer<'_>>(&encoded));
        prop_assert!(encoded.len() <= heartbeat.len() + crate::Role::Heartbeat.overhead());
        let welcome = Welcome { min_interval_millis: millis, max_heartbeat_bytes: bytes };
        round_trip(FromDaemon::Welcome(welcome), &mut Vec::new())?;
        let notice = Notice { kind: NoticeKind::TooFast, text: &game };
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
        let mut encoded = Vec::new();
        round_trip(FromRelay::Upsert(upsert), &mut encoded)?;
        prop_assert!(encoded.len() <= heartbeat.len() + crate::Role::Relay.overhead());
        round_trip(FromRelay::Remove(key), &mut Vec::new())?;
    }

    #[test]
    fn any_bytes_are_met_calmly(bytes: Vec<u8>) {
        let _ = codec::decode::<FromServer<'_>>(&bytes);
        let _ = codec::decode::<FromDaemon<'_>>(&bytes);
        let _ = codec::decode::<FromRelay<'_>>(&bytes);
        let _ = codec::decode::<Subscribe<'_>>(&bytes);
        let _ = ListMessage::decode(&bytes, 1 << 20);
    }

    /// Bytes that begin well and go on badly reach deeper than any bytes do.
    #[test]
    fn damaged_lists_are_met_calmly(
        damage in proptest::collection::vec((0..200_usize, any::<u8>()), 1..4),
    ) {
        let mut bytes = delta();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = ListMessage::decode(&bytes, 1 << 20);
    }
}

/// A delta with one item in each section.
fn delta() -> Vec<u8> {
    let placed = super::client::Placed {
        number: 7,
        game: "game",
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: Some((std::net::Ipv6Addr::LOCALHOST, 7777).into()),
        identity: Some([0xab; 32]),
        heartbeat: b"placed",
    };
    let updated = super::client::Updated {
        number: 300,
        heartbeat: b"updated",
    };
    let head = super::client::Head::Delta {
        epoch: 5,
        from: 10,
        to: 13,
    };
    [
        codec::encode(head),
        codec::encode((1_u64, 4_u64)),
        codec::encode((1_u64, placed)),
        codec::encode((1_u64, updated)),
    ]
    .concat()
}

#[test]
fn a_delta_is_read_section_by_section() {
    let message = ListMessage::decode(&delta(), 1 << 20).unwrap();
    assert_eq!((message.epoch, message.from, message.to), (5, Some(10), 13));
    assert_eq!(
        (message.removed, message.updated),
        (vec![4], vec![(300, "updated".into())])
    );
    assert_eq!(message.placed[0].identity, Some([0xab; 32].into()));
    for end in 0..delta().len() {
        assert!(
            ListMessage::decode(&delta()[..end], 1 << 20).is_err(),
            "cut at {end}"
        );
    }
    let longer = [delta(), vec![0]].concat();
    assert_eq!(
        ListMessage::decode(&longer, 1 << 20),
        Err(DecodeError::TooLong(1))
    );
}

/// A daemon may let in other tags than we would. A list of all games is not to be lost for one.
#[test]
fn a_server_with_a_tag_that_cannot_be_is_left_out_and_the_others_stay() {
    let placed = |number, game| super::client::Placed {
        number,
        game,
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: None,
        identity: None,
        heartbeat: b"x",
    };
    let head = super::client::Head::Snapshot {
        epoch: 1,
        revision: 1,
    };
    let bytes = [
        codec::encode(head),
        codec::encode(3_u64),
        codec::encode(placed(1, "chess")),
        codec::encode(placed(2, "che\u{202e}ss")),
        codec::encode(placed(3, "go")),
    ]
    .concat();
    let message = ListMessage::decode(&bytes, 1 << 20).unwrap();
    let listed = message
        .placed
        .iter()
        .map(|it| (it.number, it.game.as_str()));
    assert_eq!(listed.collect::<Vec<_>>(), [(1, "chess"), (3, "go")]);
}

#[test]
fn a_count_is_not_believed() {
    let head = super::client::Head::Snapshot {
        epoch: 1,
        revision: 1,
    };
    let bytes = [codec::encode(head), codec::encode(u64::MAX)].concat();
    assert_eq!(
        ListMessage::decode(&bytes, 1 << 20),
        Err(DecodeError::CutShort)
    );
}

#[cfg(feature = "zstd")]
#[test]
fn a_decompression_bomb_is_refused_before_it_is_unpacked() {
    let packed = zstd::bulk::compress(&vec![0; 100 << 20], 3).unwrap();
    assert!(packed.len() < 20_000);
    let zstd = |size| {
        [
            codec::encode(super::client::Head::Zstd { size }),
            packed.clone(),
        ]
        .concat()
    };
    assert_eq!(
        ListMessage::decode(&zstd(100 << 20), 64 << 20),
        Err(DecodeError::OverLimit)
    );
    let lying = ListMessage::decode(&zstd(1000), 64 << 20);
    assert!(matches!(lying, Err(DecodeError::Malformed(_))), "{lying:?}");
}

/// The worked examples of `docs/reference/protocol.md`: each is a block that names its example and gives
/// one field in each line, hexadecimal before a semicolon.
mod page {
    use super::super::client::{Head, Placed, Updated};
    use super::*;
    use crate::{protocol::framing, stream};
    use std::collections::BTreeMap;

    const PAGE: &str = include_str!("../../docs/protocol.md");

    fn examples() -> BTreeMap<&'static str, Vec<u8>> {
        let blocks = PAGE.split("```hex ").skip(1).map(|rest| {
            let (block, _) = rest.split_once("\n```").expect("a block ends");
            let (name, lines) = block.split_once('\n').expect("a name, then bytes");
            let digits = lines
                .lines()
                .flat_map(|line| line.split(';').next().unwrap_or("").split_whitespace());
            let bytes = digits
                .map(|byte| u8::from_str_radix(byte, 16).expect(byte))
                .collect();
            (name.trim(), bytes)
        });
        blocks.collect()
    }

    fn list(parts: &[&[u8]]) -> Vec<u8> {
        framing::frame(|into| parts.iter().for_each(|part| into.extend_from_slice(part))).to_vec()
    }

    #[test]
    fn every_example_is_what_we_send() {
        let placed = Placed {
            number: 1,
            game: "chess",
            address: ([192, 0, 2, 1], 7777).into(),
            second_address: None,
            identity: None,
            heartbeat: b"hi",
        };
        let dual_stack = Placed {
            number: 300,
            second_address: Some("[2001:db8::1]:7777".parse().unwrap()),
            identity: Some(std::array::from_fn(|at| at as u8)),
            ..placed
        };
        let snapshot = codec::encode(Head::Snapshot {
            epoch: 0x0123_4567_89ab_cdef,
            revision: 2,
        });
        let delta = codec::encode(Head::Delta {
            epoch: 0x0123_4567_89ab_cdef,
            from: 2,
            to: 4,
        });
        let zstd = codec::encode(Head::Zstd { size: 1000 });
        let upsert = Upsert {
            key: 9,
            game: "vcmi",
            address: ([192, 0, 2, 1], 5002).into(),
            heartbeat: b"{}",
        };
        let subscribe = |game, known| Subscribe {
            game,
            known,
            compression: Compression::Zstd,
        };
        let known = Cursor {
            epoch: 0x0123_4567_89ab_cdef,
            revision: 4,
        };
        let welcome = Welcome {
            min_interval_millis: 1000,
            max_heartbeat_bytes: 8192,
        };
        let notice = Notice {
            kind: NoticeKind::TooFast,
            text: "slow down",
        };
        let hello = Hello {
            game: "chess",
            port: Some(7777),
        };
        let sent: BTreeMap<&str, Vec<u8>> = [
            ("hello", stream::frame(FromServer::Hello(hello)).to_vec()),
            (
                "heartbeat",
                stream::frame(FromServer::Heartbeat(b"hi")).to_vec(),
            ),
            (
                "welcome",
                stream::frame(FromDaemon::Welcome(welcome)).to_vec(),
            ),
            ("notice", stream::frame(FromDaemon::Notice(notice)).to_vec()),
            (
                "subscribe",
                stream::frame(subscribe(Some("chess"), None)).to_vec(),
            ),
            (
                "subscribe-again",
                stream::frame(subscribe(None, Some(known))).to_vec(),
            ),
            (
                "snapshot",
                list(&[
                    &snapshot,
                    &codec::encode(2_u64),
                    &codec::encode(placed),
                    &codec::encode(dual_stack),
                ]),
            ),
            (
                "delta",
                list(&[
                    &delta,
                    &codec::encode((1_u64, 300_u64)),
                    &codec::encode(0_u64),
                    &codec::encode((
                        1_u64,
                        Updated {
                            number: 1,
                            heartbeat: b"yo",
                        },
                    )),
                ]),
            ),
            ("compressed", zstd),
            ("upsert", stream::frame(FromRelay::Upsert(upsert)).to_vec()),
            ("remove", stream::frame(FromRelay::Remove(9)).to_vec()),
        ]
        .into();
        for (name, bytes) in &sent {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("{name}: {}", hex.join(" "));
        }
        assert_eq!(examples(), sent);
    }

    #[test]
    fn the_page_has_every_number() {
        for role in crate::Role::ALL {
            let alpn = std::str::from_utf8(role.alpn()).unwrap();
            assert!(PAGE.contains(&format!("`{alpn}`")), "{alpn}");
        }
        for number in 0..10 {
            let code = crate::CloseCode::from_number(number);
            assert!(
                PAGE.contains(&format!("| {number} | {code} |")),
                "{number} {code}"
            );
        }
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
fn what_is_wrong_with_a_message_is_said() {
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
        (&[99], DecodeError::Malformed("unknown variant")),
        (&no_text, DecodeError::Malformed("text that is not UTF-8")),
    ] {
        assert_eq!(
            codec::decode::<FromServer<'_>>(bytes).err(),
            Some(wrong),
            "{bytes:?}"
        );
    }
}

//! Every decoder meets any bytes, and gives back what was encoded.

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
    let mut limits = crate::Limits::default();
    limits.max_heartbeat_bytes = heartbeat.len();
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
        extensions: &[],
    };
    let updated = super::client::Updated {
        number: 300,
        heartbeat: b"updated",
        extensions: &[],
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
    assert_eq!(message.removed, [4]);
    let updated = &message.updated[0];
    assert_eq!(
        (updated.number, &updated.heartbeat[..]),
        (300, &b"updated"[..])
    );
    assert_eq!(message.placed[0].identity, Some([0xab; 32].into()));
    for end in 0..delta().len() {
        assert!(
            ListMessage::decode(&delta()[..end], 1 << 20).is_err(),
            "cut at {end}"
        );
    }
    let longer = ListMessage::decode(&[delta(), vec![0]].concat(), 1 << 20);
    assert!(
        matches!(longer, Err(DecodeError::Extensions { .. })),
        "{longer:?}"
    );
}

/// A snapshot with one server and a delta with one update, each with these extension lists: of the
/// server, and of the message.
fn extended(server: &[u8], message: &[u8]) -> [Vec<u8>; 2] {
    let placed = super::client::Placed {
        number: 1,
        game: "game",
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: None,
        identity: None,
        heartbeat: b"hi",
        extensions: server,
    };
    let updated = super::client::Updated {
        number: 1,
        heartbeat: b"yo",
        extensions: server,
    };
    let snapshot = super::client::Head::Snapshot {
        epoch: 1,
        revision: 1,
    };
    let delta = super::client::Head::Delta {
        epoch: 1,
        from: 1,
        to: 2,
    };
    [
        [
            codec::encode(snapshot),
            codec::encode((1_u64, placed)),
            message.to_vec(),
        ]
        .concat(),
        [
            codec::encode(delta),
            codec::encode((0_u64, 0_u64)),
            codec::encode((1_u64, updated)),
            message.to_vec(),
        ]
        .concat(),
    ]
}

#[test]
fn a_list_message_has_extensions_of_its_own_and_of_each_server() {
    let [of_server, of_message] = [(2, b"server"), (4, b"messag")]
        .map(|(tag, bytes)| Extensions::new([(tag, &bytes[..])]).unwrap());
    let messages = extended(of_server.as_bytes(), of_message.as_bytes());
    let [snapshot, delta] = messages.map(|it| ListMessage::decode(&it, 1 << 20).unwrap());
    assert_eq!(snapshot.extensions, of_message);
    assert_eq!(delta.extensions, of_message);
    assert_eq!(snapshot.placed[0].extensions, of_server);
    assert_eq!(delta.updated[0].extensions, of_server);
}

#[test]
fn a_list_message_with_an_extension_that_must_be_known_is_refused() {
    let odd = Extensions::new([(7, &b""[..])]).unwrap();
    let unordered = [codec::encode((4_u16, 0_u64)), codec::encode((2_u16, 0_u64))].concat();
    let of_message = [Carrier::Snapshot, Carrier::Delta];
    for (server, message, carriers) in [
        (odd.as_bytes(), &[][..], [Carrier::Server; 2]),
        (&[][..], odd.as_bytes(), of_message),
    ] {
        for (bytes, carrier) in extended(server, message).iter().zip(carriers) {
            let unknown = DecodeError::UnknownExtension { tag: 7, carrier };
            assert_eq!(ListMessage::decode(bytes, 1 << 20), Err(unknown));
        }
    }
    for (server, message) in [(&unordered[..], &[][..]), (&[][..], &unordered[..])] {
        for bytes in extended(server, message) {
            let refused = ListMessage::decode(&bytes, 1 << 20);
            assert!(
                matches!(refused, Err(DecodeError::Extensions { .. })),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_message_of_another_variant_is_told_from_one_that_is_malformed() {
    for variant in [3, 4, 1000] {
        let bytes = codec::encode((variant, "whatever"));
        let unknown = DecodeError::UnknownVariant(variant);
        assert_eq!(ListMessage::decode(&bytes, 1 << 20), Err(unknown.clone()));
        assert_eq!(codec::decode::<FromDaemon<'_>>(&bytes), Err(unknown));
    }
    // Unknown variants further inside are no messages of their own.
    let address = codec::encode((0_u32, 9_u64, "vcmi", 5_u32));
    let malformed = Err(DecodeError::Malformed("unknown variant"));
    assert_eq!(codec::decode::<FromRelay<'_>>(&address), malformed);
}

#[cfg(feature = "zstd")]
#[test]
fn a_compressed_message_has_its_extensions_inside() {
    let even = Extensions::new([(2, &b"x"[..])]).unwrap();
    let [snapshot, _] = extended(&[], even.as_bytes());
    let zstd = super::client::Head::Zstd {
        size: snapshot.len() as u32,
    };
    let packed = zstd::bulk::compress(&snapshot, 3).unwrap();
    let bytes = [codec::encode(zstd), packed].concat();
    let message = ListMessage::decode(&bytes, 1 << 20).unwrap();
    assert_eq!(message.extensions, even);
    // Nothing may follow the zstd frame.
    let longer = [bytes, even.as_bytes().to_vec()].concat();
    assert!(ListMessage::decode(&longer, 1 << 20).is_err());
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
        extensions: &[],
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
    assert_eq!(message.left_out, [2]);
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
            extensions: &[],
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
                            extensions: &[],
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

//! Messages to clients, read section by section.

use super::*;

/// A delta with one item in each section.
pub(super) fn delta() -> Vec<u8> {
    let placed = crate::protocol::client::Placed {
        number: 7,
        game: "game",
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: Some((std::net::Ipv6Addr::LOCALHOST, 7777).into()),
        identity: Some([0xab; 32]),
        heartbeat: b"placed",
        extensions: &[],
    };
    let updated = crate::protocol::client::Updated {
        number: 300,
        heartbeat: b"updated",
        extensions: &[],
    };
    let head = crate::protocol::client::Head::Delta {
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
pub(super) fn extended(server: &[u8], message: &[u8]) -> [Vec<u8>; 2] {
    let placed = crate::protocol::client::Placed {
        number: 1,
        game: "game",
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: None,
        identity: None,
        heartbeat: b"hi",
        extensions: server,
    };
    let updated = crate::protocol::client::Updated {
        number: 1,
        heartbeat: b"yo",
        extensions: server,
    };
    let snapshot = crate::protocol::client::Head::Snapshot {
        epoch: 1,
        revision: 1,
    };
    let delta = crate::protocol::client::Head::Delta {
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
    let zstd = crate::protocol::client::Head::Zstd {
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
    let placed = |number, game| crate::protocol::client::Placed {
        number,
        game,
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: None,
        identity: None,
        heartbeat: b"x",
        extensions: &[],
    };
    let head = crate::protocol::client::Head::Snapshot {
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
    let head = crate::protocol::client::Head::Snapshot {
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
            codec::encode(crate::protocol::client::Head::Zstd { size }),
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

//! Messages of a cluster: what is written is read, and nothing else is.

use super::*;
use crate::{
    Fingerprint, Game, Limits,
    list::{By, Claim, Claims, Stamp, Stated},
    protocol::{codec, extensions::Extensions},
};
use proptest::{collection::vec, option, prelude::*};
use std::net::{Ipv6Addr, SocketAddr};

mod page;

fn piece() -> impl Strategy<Value = Piece> {
    (any::<u32>(), any::<bool>(), vec(any::<u8>(), 0..50)).prop_map(|(number, more, bytes)| Piece {
        number,
        more,
        bytes: bytes.into(),
    })
}

fn part() -> impl Strategy<Value = Part> {
    let revisions = (any::<u64>(), any::<Option<u64>>(), any::<u64>());
    (any::<u64>(), revisions, piece()).prop_map(|(run, (clock, from, to), piece)| Part {
        run,
        clock,
        from,
        to,
        piece,
    })
}

fn hold() -> impl Strategy<Value = Hold> {
    ("[A-Za-z0-9-]{1,32}", any::<u64>(), any::<u32>()).prop_map(|(member, run, millis)| Hold {
        member,
        run,
        left: Duration::from_millis(millis.into()),
    })
}

fn beat() -> impl Strategy<Value = Beat> {
    let stage = prop_oneof![
        Just(Stage::Joining),
        Just(Stage::Joined),
        Just(Stage::Leaving)
    ];
    let numbers = any::<[u64; 9]>();
    let counts = (any::<u16>(), any::<u32>(), any::<u32>());
    (numbers, counts, stage, vec(hold(), 0..4)).prop_map(|(numbers, counts, stage, holds)| {
        let [run, clock, at, upto, bans, epoch, stable, view, since] = numbers;
        let (tag, servers, clients) = counts;
        Beat {
            run,
            tag,
            clock,
            stage,
            at,
            upto,
            bans,
            epoch,
            stable,
            view,
            since,
            servers,
            clients,
            holds,
        }
    })
}

fn from_member() -> impl Strategy<Value = FromMember> {
    let hello = ("[A-Za-z0-9-]{1,32}", any::<u64>(), any::<u16>());
    let hello = hello.prop_map(|(member, run, tag)| Hello { member, run, tag });
    prop_oneof![
        beat().prop_map(FromMember::Beat),
        part().prop_map(FromMember::Delta),
        part().prop_map(FromMember::Bans),
        hello.prop_map(FromMember::Hello),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let list = ("[A-Za-z0-9-]{1,32}", any::<u64>(), any::<Option<u64>>());
    prop_oneof![
        list.prop_map(|(member, run, known)| Ask::List { member, run, known }),
        any::<u64>().prop_map(|run| Ask::Bans { run }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        part().prop_map(Answer::List),
        Just(Answer::NotKnown),
        part().prop_map(Answer::Bans),
    ]
}

prop_compose! {
    fn server()(
        number: u64,
        game in "[a-z]{1,20}",
        ip: std::net::IpAddr,
        port: u16,
        second in option::of((any::<Ipv6Addr>(), any::<u16>(), 1..u64::MAX)),
        identity: Option<[u8; 32]>,
        announced: bool,
        claim in 1..u64::MAX,
        heartbeat in vec(any::<u8>(), 0..100),
    ) -> Stated {
        Stated {
            number,
            game: Game::new(&game).unwrap(),
            address: SocketAddr::new(ip, port),
            second_address: second.map(|(ip, port, _)| SocketAddr::new(ip.into(), port)),
            identity: identity.map(Fingerprint::from),
            by: if announced { By::Http } else { By::Quic },
            claims: Claims::new(Claim(claim), second.map(|(_, _, claim)| Claim(claim))),
            heartbeat: heartbeat.into(),
        }
    }
}

fn banned() -> impl Strategy<Value = Banned> {
    let v4 = (any::<std::net::Ipv4Addr>(), 0..=32_u8)
        .prop_map(|(ip, length)| ipnet::Ipv4Net::new(ip, length).unwrap().into());
    let v6 = (any::<Ipv6Addr>(), 0..=128_u8)
        .prop_map(|(ip, length)| ipnet::Ipv6Net::new(ip, length).unwrap().into());
    let left = option::of(any::<u32>().prop_map(|seconds| Duration::from_secs(seconds.into())));
    (prop_oneof![v4, v6], left).prop_map(|(prefix, left)| Banned { prefix, left })
}

/// What any bytes may do: be refused, or be read as something that is written and read again.
fn meet(bytes: &Bytes) {
    if let Ok(message) = FromMember::decode(bytes) {
        assert_eq!(FromMember::decode(&message.encode()), Ok(message));
    }
    if let Ok(ask) = Ask::decode(bytes) {
        assert_eq!(Ask::decode(&ask.encode()), Ok(ask));
    }
    if let Ok(answer) = Answer::decode(bytes) {
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }
    let _ = Changes::read(bytes, MAX_BODY_BYTES).and_then(Changes::all);
    let _ = unpack_bans(bytes);
}

fn cut_short<T>(payload: &Bytes, decode: impl Fn(&Bytes) -> Result<T, MessageError>) -> bool {
    (0..payload.len()).all(|end| decode(&payload.slice(..end)).is_err())
}

proptest! {
    #[test]
    fn messages_survive(from_member in from_member(), ask in ask(), answer in answer()) {
        let payload = from_member.encode();
        prop_assert!(cut_short(&payload, FromMember::decode));
        prop_assert_eq!(FromMember::decode(&payload), Ok(from_member));
        let payload = ask.encode();
        prop_assert!(cut_short(&payload, Ask::decode));
        prop_assert_eq!(Ask::decode(&payload), Ok(ask));
        let payload = answer.encode();
        prop_assert!(cut_short(&payload, Answer::decode));
        prop_assert_eq!(Answer::decode(&payload), Ok(answer));
    }

    #[test]
    fn bodies_survive_whole_and_in_chunks(servers in vec(server(), 0..20), most in 1..8_usize) {
        let body = pack_stated(&servers);
        let whole = Changes::read(&body, MAX_BODY_BYTES).unwrap().all().unwrap();
        prop_assert_eq!(&whole.listed, &servers);
        let mut changes = Changes::read(&body, MAX_BODY_BYTES).unwrap();
        let mut chunks = Vec::new();
        while !changes.is_done() {
            let chunk = changes.next(most).unwrap();
            prop_assert!(chunk.listed.len() <= most);
            chunks.extend(chunk.listed);
        }
        prop_assert_eq!(chunks, servers);
        for end in 0..body.len() {
            let cut = Changes::read(&body.slice(..end), MAX_BODY_BYTES).and_then(Changes::all);
            prop_assert!(cut.is_err(), "cut at {}", end);
        }
    }

    #[test]
    fn bans_survive(bans in vec(banned(), 0..20)) {
        prop_assert_eq!(unpack_bans(&pack_bans(&bans)), Ok(bans));
    }

    #[test]
    fn no_bytes_make_a_decoder_of_the_cluster_panic(bytes: Vec<u8>) {
        meet(&bytes.clone().into());
        meet(&[&[VERSION][..], &bytes].concat().into());
    }

    /// Bytes that begin well and go on badly reach deeper than any bytes do.
    #[test]
    fn damaged_messages_make_no_decoder_panic(
        beat in beat(),
        servers in vec(server(), 1..5),
        damage in vec((0..400_usize, any::<u8>()), 1..4),
    ) {
        for payload in [FromMember::Beat(beat).encode(), pack_stated(&servers)] {
            let mut bytes = payload.to_vec();
            for (at, value) in &damage {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte = *value;
                }
            }
            meet(&bytes.into());
        }
    }
}

fn example() -> Stated {
    Stated {
        number: 7,
        game: Game::new("chess").unwrap(),
        address: ([192, 0, 2, 1], 7777).into(),
        second_address: None,
        identity: None,
        by: By::Quic,
        claims: Claims::new(Claim::new(Stamp(9), 0x0102), None),
        heartbeat: "hi".into(),
    }
}

#[test]
fn other_versions_and_oversize_payloads_are_told_apart_from_malformed_ones() {
    let hello = FromMember::Hello(Hello {
        member: "a".into(),
        run: 1,
        tag: 2,
    });
    let payload = hello.encode();
    let mut later = payload.to_vec();
    later[0] = 2;
    let later = FromMember::decode(&later.into());
    assert_eq!(later, Err(MessageError::Version(2)));
    let long = vec![VERSION; MAX_PAYLOAD_BYTES + 1];
    let long = FromMember::decode(&long.into());
    assert_eq!(long, Err(MessageError::Oversize(MAX_PAYLOAD_BYTES + 1)));
    let unknown = FromMember::decode(&Bytes::from_static(&[VERSION, 4]));
    let wrong = DecodeError::UnknownVariant(4);
    assert_eq!(unknown, Err(MessageError::Malformed(wrong)));
    let nothing = FromMember::decode(&Bytes::new());
    assert_eq!(nothing, Err(DecodeError::CutShort.into()));
}

#[test]
fn later_versions_may_add_extensions_that_need_not_be_known() {
    let payload = Ask::Bans { run: 1 }.encode();
    let with = |tag| {
        let extensions = Extensions::new([(tag, &b"later"[..])]).unwrap();
        Bytes::from([&payload[..], extensions.as_bytes()].concat())
    };
    assert_eq!(Ask::decode(&with(2)), Ok(Ask::Bans { run: 1 }));
    assert!(Ask::decode(&with(3)).is_err());
}

#[test]
fn names_are_short_and_plain() {
    for (name, allowed) in [
        ("a", true),
        ("Frankfurt-2", true),
        ("", false),
        ("a.b", false),
        ("*", false),
        (">", false),
        ("a b", false),
        ("ä", false),
        (&"x".repeat(32), true),
        (&"x".repeat(33), false),
    ] {
        assert_eq!(is_name(name), allowed, "{name}");
        let hello = FromMember::Hello(Hello {
            member: name.into(),
            run: 1,
            tag: 2,
        });
        let read = FromMember::decode(&hello.encode());
        assert_eq!(read.is_ok(), allowed, "{name}");
    }
}

#[test]
fn a_count_of_a_body_is_not_believed() {
    let body = [vec![0], codec::encode(u64::MAX), vec![0; 10]].concat();
    let read = Changes::read(&body.into(), MAX_BODY_BYTES).map(|_| ());
    assert_eq!(read, Err(DecodeError::CutShort));
    let bans = [vec![0], codec::encode(u64::MAX), vec![0; 10]].concat();
    assert_eq!(unpack_bans(&bans.into()), Err(DecodeError::CutShort));
}

#[test]
fn a_body_unpacks_to_what_it_announces_or_is_refused() {
    let packed = zstd::bulk::compress(&vec![0; 10 << 20], 3).unwrap();
    let bomb = |size: u32| Bytes::from([vec![1], codec::encode(size), packed.clone()].concat());
    let lying = Changes::read(&bomb(1000), MAX_BODY_BYTES).map(|_| ());
    assert!(matches!(lying, Err(DecodeError::Malformed(_))), "{lying:?}");
    let long = Changes::read(&bomb(u32::MAX), MAX_BODY_BYTES).map(|_| ());
    assert_eq!(long, Err(DecodeError::OverLimit));
    // A receiver says how much it takes, packed or not.
    for body in [bomb(10 << 20), Bytes::from(vec![0; 1 + (10 << 20)])] {
        let read = |most| Changes::read(&body, most).map(|_| ());
        assert_eq!(read(10 << 20), Ok(()));
        assert_eq!(read((10 << 20) - 1), Err(DecodeError::OverLimit));
        assert_eq!(unpack_bans(&body), Err(DecodeError::OverLimit));
    }
}

#[test]
fn a_heartbeat_is_as_long_as_a_daemon_may_accept_at_most() {
    for (more, right) in [(0, true), (1, false)] {
        let long = Stated {
            heartbeat: vec![7; Limits::MAX_HEARTBEAT_BYTES + more].into(),
            ..example()
        };
        let read = Changes::read(&pack_stated(&[long]), MAX_BODY_BYTES).and_then(Changes::all);
        assert_eq!(read.is_ok(), right, "{more}");
    }
}

/// `docs/reference/cluster-protocol.md`, "Pieces".
#[test]
fn a_server_that_is_announced_over_http_has_extension_2() {
    let with = |by| pack_stated(&[Stated { by, ..example() }]);
    let [quic, http] = [By::Quic, By::Http].map(|by| with(by).to_vec());
    // After the heartbeat: the length of the extensions, and extension 2 without bytes.
    let at = quic.windows(3).position(|it| it == b"hi\0").unwrap() + 2;
    let expected = [&quic[..at], &[2, 2, 0], &quic[at + 1..]].concat();
    assert_eq!(http, expected);
}

#[test]
fn long_bodies_are_compressed_and_short_ones_are_not() {
    let body = |servers: usize| pack_stated(&vec![example(); servers]);
    assert_eq!(body(1)[0], 0);
    assert_eq!(body(100)[0], 1);
    assert!(body(100).len() < 200);
    let read = Changes::read(&body(100), MAX_BODY_BYTES)
        .unwrap()
        .all()
        .unwrap();
    assert_eq!(read.listed, vec![example(); 100]);
}

#[test]
fn a_server_has_a_claim_for_each_address() {
    let wrong = Stated {
        claims: Claims::new(Claim(1), Some(Claim(2))),
        ..example()
    };
    let read = Changes::read(&pack_stated(&[wrong]), MAX_BODY_BYTES).and_then(Changes::all);
    assert!(matches!(read, Err(DecodeError::Malformed(_))), "{read:?}");
}

#[test]
fn a_prefix_cannot_be_longer_than_its_address() {
    // One ban: IPv4, 192.0.2.1, 33 bits, for ever.
    let body = [&[0, 1, 0, 192, 0, 2, 1][..], &[33, 0]].concat();
    let read = unpack_bans(&body.into());
    assert_eq!(read, Err(DecodeError::Malformed("not a prefix")));
}

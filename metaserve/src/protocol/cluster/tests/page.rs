//! The worked examples of `docs/reference/cluster-protocol.md`.

use super::*;
use crate::protocol::tests::page::examples;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../../docs/cluster-protocol.md");

#[test]
fn every_example_of_the_cluster_is_what_members_send() {
    let beat = Beat {
        run: 0x0123_4567_89ab_cdef,
        tag: 0x0102,
        clock: 9,
        stage: Stage::Joined,
        at: 300,
        upto: 8,
        bans: 0,
        epoch: 5,
        stable: 7,
        view: 6,
        since: 4,
        servers: 2,
        clients: 1000,
        holds: vec![Hold {
            member: "b".into(),
            run: 7,
            left: Duration::from_secs(30),
        }],
    };
    let part = |from, bytes: Bytes| Part {
        run: 0x0123_4567_89ab_cdef,
        clock: 9,
        from,
        to: 300,
        piece: Pieces::of(bytes, 1000).next().unwrap(),
    };
    let delta = codec::encode((
        0_u32,
        (1_u64, 4_u64),
        0_u64,
        (1_u64, (7_u64, &b"yo"[..], 0_u8)),
    ));
    let ban = Banned {
        prefix: "192.0.2.0/24".parse().unwrap(),
        left: Some(Duration::from_secs(60)),
    };
    let hello = Hello {
        member: "a".into(),
        run: 7,
        tag: 0x0102,
    };
    let ask = Ask::List {
        member: "a".into(),
        run: 7,
        known: Some(300),
    };
    let snapshot = pack_stated(&[example()]);
    let sent: BTreeMap<&str, Vec<u8>> = [
        ("beat", FromMember::Beat(beat).encode()),
        (
            "delta",
            FromMember::Delta(part(Some(250), delta.into())).encode(),
        ),
        (
            "bans",
            FromMember::Bans(part(None, pack_bans(&[ban]))).encode(),
        ),
        ("hello", FromMember::Hello(hello).encode()),
        ("ask", ask.encode()),
        ("ask-bans", Ask::Bans { run: 7 }.encode()),
        ("answer", Answer::List(part(None, snapshot)).encode()),
        ("not-known", Answer::NotKnown.encode()),
    ]
    .into_iter()
    .map(|(name, payload)| (name, payload.to_vec()))
    .collect();
    for (name, bytes) in &sent {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{name}: {}", hex.join(" "));
    }
    assert_eq!(examples(PAGE), sent);
}

//! The worked examples of `docs/reference/protocol.md`: each is a block that names its example, and gives
//! one field in each line, in hexadecimal before a semicolon.

mod names;

use super::super::client::{Head, Placed, Updated};
use super::*;
use crate::{protocol::framing, stream};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// The blocks of a page, by their names.
pub(in crate::protocol) fn examples(page: &str) -> BTreeMap<&str, Vec<u8>> {
    let blocks = page.split("```hex ").skip(1).map(|rest| {
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
    let mut sent: BTreeMap<&str, Vec<u8>> = [
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
    sent.extend(names::sent());
    for (name, bytes) in &sent {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{name}: {}", hex.join(" "));
    }
    assert_eq!(examples(PAGE), sent);
}

#[test]
fn the_page_has_every_number() {
    let limits = crate::Limits::default();
    let thousands = |bytes: usize| format!("{},{:03}", bytes / 1000, bytes % 1000);
    for (role, line) in [
        (crate::Role::Heartbeat, "further messages of a game server"),
        (crate::Role::Relay, "every message of a relay"),
    ] {
        let mut long = limits.clone();
        long.max_heartbeat_bytes = 1 << 20;
        let more = thousands(role.max_message(&long) - long.max_heartbeat_bytes);
        let row = format!("| {line} | *L* + {more}");
        assert!(PAGE.contains(&row), "{row}");
    }
    let first = thousands(crate::Role::Client.max_first_message(&limits));
    let row = format!("| first message of a game server or client | {first} |");
    assert!(PAGE.contains(&row), "{row}");
    for role in crate::Role::ALL {
        let alpn = std::str::from_utf8(role.alpn()).unwrap();
        assert!(PAGE.contains(&format!("`{alpn}`")), "{alpn}");
    }
    for words in names::numbers() {
        assert!(PAGE.contains(&words), "{words}");
    }
    for number in 0..10 {
        let code = crate::CloseCode::from_number(number);
        assert!(
            PAGE.contains(&format!("| {number} | {code} |")),
            "{number} {code}"
        );
    }
}

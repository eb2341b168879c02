//! The worked examples of the section about names.

use crate::{
    names::{
        Key, MAX_CHANGES, MAX_UNREAD, MAX_UNREAD_BYTES, MAX_VALUE_BYTES, MAX_WHY_BYTES, MAX_WITHIN,
        NamesLimits, Refusal, SETTLE,
    },
    protocol::names::{
        Claim, FromDaemon, FromPeer, Held, MAX_MESSAGE_BYTES, MAX_TICKET_BYTES, Start,
    },
    stream,
};

const KEY: &str = "zone/meadow";
const VALUE: &[u8] = b"192.0.2.1:7777";

/// What a peer and the daemon send, by the names of the examples.
pub(super) fn sent() -> Vec<(&'static str, Vec<u8>)> {
    let (epoch, proof) = (300, std::array::from_fn(|at| at as u8));
    let claim = Claim {
        id: 1,
        key: KEY,
        value: VALUE,
        ticket: None,
        held: None,
    };
    let again = Claim {
        ticket: Some(b"v4.public."),
        held: Some(Held { epoch, proof }),
        ..claim
    };
    let start = Start {
        payload: b"night",
        within_millis: 10_000,
        ticket: None,
    };
    let resolve = |id, start| FromPeer::Resolve {
        id,
        key: KEY,
        start,
    };
    let offer = FromPeer::Offer {
        id: 5,
        prefix: "zone/",
        slots: 8,
        ticket: None,
    };
    let refuse = FromPeer::Refused {
        order: 9,
        why: "no memory",
    };
    let of_peers = [
        ("claim", FromPeer::Claim(claim)),
        ("claim-again", FromPeer::Claim(again)),
        (
            "update",
            FromPeer::Update {
                id: 1,
                value: b"full",
            },
        ),
        ("release", FromPeer::Release { id: 1 }),
        ("resolve", resolve(2, None)),
        ("resolve-or-start", resolve(3, Some(start))),
        (
            "watch",
            FromPeer::Watch {
                id: 4,
                prefix: "zone/",
            },
        ),
        ("unwatch", FromPeer::Unwatch { id: 4 }),
        ("offer", offer),
        ("refuse", refuse),
        ("drain", FromPeer::Drain { id: 5 }),
    ];
    let found = FromDaemon::Found {
        id: 2,
        epoch,
        value: VALUE,
        address: ([192, 0, 2, 1], 50_000).into(),
    };
    let up = FromDaemon::Up {
        id: 4,
        key: KEY,
        epoch,
        value: VALUE,
    };
    let order = FromDaemon::Order {
        id: 5,
        order: 9,
        key: KEY,
        payload: b"night",
        within_millis: 5_000,
    };
    let refused = FromDaemon::Refused {
        id: 1,
        refusal: 0,
        again_millis: Some(15_000),
        why: "the daemon has just started",
    };
    let unavailable = FromDaemon::Unavailable {
        id: 3,
        why: "no host offers to start it",
    };
    let held = FromDaemon::Held {
        id: 1,
        epoch,
        value: VALUE,
    };
    let of_daemons = [
        (
            "granted",
            FromDaemon::Granted {
                id: 1,
                epoch,
                proof,
            },
        ),
        ("held", held),
        ("lost", FromDaemon::Lost { id: 1 }),
        ("found", found),
        ("absent", FromDaemon::Absent { id: 2 }),
        ("unavailable", unavailable),
        ("up", up),
        ("current", FromDaemon::Current { id: 4 }),
        ("down", FromDaemon::Down { id: 4, key: KEY }),
        ("reset", FromDaemon::Reset { id: 4 }),
        ("order", order),
        ("refused", refused),
    ];
    let of_peers = of_peers.map(|(name, it)| (name, stream::frame(it).to_vec()));
    let of_daemons = of_daemons.map(|(name, it)| (name, stream::frame(it).to_vec()));
    [of_peers.to_vec(), of_daemons.to_vec()].concat()
}

/// The numbers of the section.
pub(super) fn numbers() -> Vec<String> {
    let number = |number: usize| match number {
        0..1_000 => format!("{number}"),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    };
    let limits = NamesLimits::default();
    let each = number(limits.max_each_per_peer);
    let bytes = |what: &str, most| format!("| {what} | {} bytes", number(most));
    let shared = |what: &str, all, each: &str| {
        let all = number(all);
        format!("| {what} | {all}*, of one peer {each}* | refused: full |")
    };
    let [settling, ticket, full, no_epochs] = Refusal::KNOWN.map(Refusal::number);
    vec![
        bytes("a message, in either direction", MAX_MESSAGE_BYTES),
        bytes("key or prefix", Key::MAX_BYTES),
        bytes("value, payload", MAX_VALUE_BYTES),
        bytes("ticket", MAX_TICKET_BYTES),
        format!("the first {MAX_WHY_BYTES} bytes of it"),
        shared(
            "claims",
            limits.max_claims,
            &number(limits.max_claims_per_peer),
        ),
        shared("watches", limits.max_watches, &each),
        shared("offers", limits.max_offers, &each),
        shared(
            "questions with a start that wait",
            limits.max_waiting,
            &each,
        ),
        format!(
            "being started | {}*, of one peer ",
            number(limits.max_orders)
        ),
        format!("not answered | {}* |", limits.max_orders_per_host),
        format!(
            "| {}* per second on average, {}* at once |",
            number(limits.requests_per_second as usize),
            number(limits.requests_at_once as usize)
        ),
        format!(
            "| {MAX_UNREAD}, or {} KiB of values and payloads |",
            MAX_UNREAD_BYTES / 1024
        ),
        format!("more than {} keys have changed", number(MAX_CHANGES)),
        format!(
            "| the daemon settles | {} s from its start, ",
            SETTLE.as_secs()
        ),
        format!("at most {} minutes", MAX_WITHIN.as_secs() / 60),
        format!("| {settling} | settling |"),
        format!("| {ticket} | ticket |"),
        format!("| {full} | full |"),
        format!("| {no_epochs} | no epochs |"),
    ]
}

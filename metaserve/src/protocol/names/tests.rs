//! Messages about names survive, and no bytes make a decoder panic.

use super::{super::codec, *};
use crate::names::{Answer, Key, MAX_VALUE_BYTES, Prefix, Refusal, Said};
use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use std::{net::IpAddr, time::Duration};

fn key() -> impl Strategy<Value = Key> {
    "[a-zä/]{1,20}".prop_map(|text| Key::new(&text).unwrap())
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..100).prop_map(Bytes::from)
}

fn within() -> impl Strategy<Value = Duration> {
    any::<u32>().prop_map(|millis| Duration::from_millis(millis.into()))
}

fn answer() -> impl Strategy<Value = Answer> {
    let id = || any::<u64>();
    let address = (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
    prop_oneof![
        (id(), id(), any::<[u8; 32]>()).prop_map(|(id, epoch, proof)| Answer::Granted {
            id,
            epoch,
            proof
        }),
        (id(), id(), bytes()).prop_map(|(id, epoch, value)| Answer::Held { id, epoch, value }),
        id().prop_map(|id| Answer::Lost { id }),
        (id(), id(), bytes(), address).prop_map(|(id, epoch, value, address)| Answer::Found {
            id,
            epoch,
            value,
            address
        }),
        id().prop_map(|id| Answer::Absent { id }),
        (id(), "[a-z ]{0,30}").prop_map(|(id, why)| Answer::Unavailable { id, why }),
        (id(), key(), id(), bytes()).prop_map(|(id, key, epoch, value)| Answer::Up {
            id,
            key,
            epoch,
            value
        }),
        id().prop_map(|id| Answer::Current { id }),
        (id(), key()).prop_map(|(id, key)| Answer::Down { id, key }),
        id().prop_map(|id| Answer::Reset { id }),
        (id(), id(), key(), bytes(), within()).prop_map(|(id, order, key, payload, within)| {
            Answer::Order {
                id,
                order,
                key,
                payload,
                within,
            }
        }),
        (id(), any::<u32>(), option::of(within()), "[a-z ]{0,30}").prop_map(
            |(id, refusal, again, why)| Answer::Refused {
                id,
                refusal: Refusal::from_number(refusal),
                again,
                why
            }
        ),
    ]
}

prop_compose! {
    fn claim()(
        id: u64,
        key in key(),
        value in bytes(),
        ticket in option::of(bytes()),
        held: Option<(u64, [u8; 32])>,
    ) -> (u64, Key, Bytes, Option<Bytes>, Option<Held>) {
        (id, key, value, ticket, held.map(|(epoch, proof)| Held { epoch, proof }))
    }
}

fn cut_short(bytes: &[u8]) -> bool {
    (0..bytes.len()).all(|end| read(&bytes[..end]).is_err())
}

proptest! {
    #[test]
    fn answers_survive(answer in answer()) {
        let bytes = codec::encode(FromDaemon::from(&answer));
        let read = codec::decode::<FromDaemon<'_>>(&bytes).unwrap().own();
        prop_assert_eq!(read, Ok(answer));
        for end in 0..bytes.len() {
            prop_assert!(codec::decode::<FromDaemon<'_>>(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn claims_survive((id, key, value, ticket, held) in claim()) {
        let message = FromPeer::Claim(Claim {
            id,
            key: key.as_str(),
            value: &value,
            ticket: ticket.as_deref(),
            held,
        });
        let bytes = codec::encode(message);
        prop_assert_eq!(codec::decode(&bytes), Ok(message));
        prop_assert!(cut_short(&bytes));
        let held = held.map(|Held { epoch, proof }| crate::names::Held { epoch, proof });
        prop_assert_eq!(read(&bytes), Ok(Said::Claim { id, key, value, ticket, held }));
    }

    #[test]
    fn other_messages_survive(
        id: u64,
        key in key(),
        value in bytes(),
        slots: u32,
        within_millis: u32,
        ticket in option::of(bytes()),
    ) {
        let (key, ticket) = (key.as_str(), ticket.as_deref());
        let start = Some(Start { payload: &value, within_millis, ticket });
        for message in [
            FromPeer::Update { id, value: &value },
            FromPeer::Release { id },
            FromPeer::Resolve { id, key, start },
            FromPeer::Resolve { id, key, start: None },
            FromPeer::Watch { id, prefix: key },
            FromPeer::Unwatch { id },
            FromPeer::Offer { id, prefix: key, slots, ticket },
            FromPeer::Refused { order: id, why: key },
            FromPeer::Drain { id },
        ] {
            let bytes = codec::encode(message);
            prop_assert_eq!(codec::decode(&bytes), Ok(message));
            prop_assert!(read(&bytes).is_ok());
            prop_assert!(cut_short(&bytes));
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_of_names_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = codec::decode::<FromDaemon<'_>>(&bytes).map(|message| message.own());
    }
}

#[test]
fn keys_values_and_tickets_are_checked_and_the_longest_message_fits() {
    let (long, value) = ("x".repeat(256), vec![0; MAX_VALUE_BYTES]);
    let ticket = vec![0; MAX_TICKET_BYTES];
    let claim = Claim {
        id: u64::MAX,
        key: &long[..255],
        value: &value,
        ticket: Some(&ticket),
        held: Some(Held {
            epoch: u64::MAX,
            proof: [0; 32],
        }),
    };
    let bytes = codec::encode(FromPeer::Claim(claim));
    assert!(read(&bytes).is_ok());
    assert!(bytes.len() + crate::protocol::roles::EXTENSIONS_BYTES <= MAX_MESSAGE_BYTES);
    let wrong = |claim| {
        let read = read(&codec::encode(FromPeer::Claim(claim)));
        read.unwrap_err().to_string()
    };
    let longer = vec![0; MAX_VALUE_BYTES + 1];
    for (claim, expected) in [
        (
            Claim {
                key: &long,
                ..claim
            },
            "a key has 1 to 255 bytes, and this one has 256",
        ),
        (
            Claim { key: "", ..claim },
            "a key has 1 to 255 bytes, and this one is empty",
        ),
        (
            Claim {
                key: "a\u{1b}",
                ..claim
            },
            "a key has no control characters, and this one contains U+001B",
        ),
        (
            Claim {
                value: &longer,
                ..claim
            },
            "a value has at most 8192 bytes, and this one has 8193",
        ),
        (
            Claim {
                ticket: Some(&longer),
                ..claim
            },
            "a ticket has at most 4096 bytes, and this one has 8193",
        ),
    ] {
        assert_eq!(wrong(claim), expected);
    }
    let prefix = FromPeer::Watch { id: 1, prefix: "" };
    let everything = Prefix::new("").unwrap();
    assert_eq!(
        read(&codec::encode(prefix)),
        Ok(Said::Watch {
            id: 1,
            prefix: everything
        })
    );
    let unknown = read(&[9]).unwrap_err().to_string();
    assert_eq!(unknown, "unknown message variant 9");
}

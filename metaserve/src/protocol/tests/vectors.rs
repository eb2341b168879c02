//! The test vectors in `docs/reference/vectors.json`: every message is read as what it says, every
//! canonical one is written in the same bytes, and every malformed one is refused.

use super::*;
use crate::protocol::client::{Head, Placed, Updated};
use serde_json::{Value, json};

mod malformed;
mod names;

const VECTORS: &str = include_str!("../../../docs/vectors.json");

/// One section of the file.
fn section(name: &str) -> Vec<Value> {
    let Value::Object(mut vectors) = serde_json::from_str(VECTORS).unwrap() else {
        panic!("an object");
    };
    let Some(Value::Array(section)) = vectors.remove(name) else {
        panic!("a list of {name}");
    };
    assert!(!section.is_empty(), "no {name}");
    section
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = text(value, "hex").as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Numbers that JSON cannot hold everywhere are text.
fn number(number: u64) -> Value {
    match number <= 1 << 53 {
        true => json!(number),
        false => json!(number.to_string()),
    }
}

fn extensions(list: &Extensions) -> Value {
    list.iter()
        .map(|(tag, bytes)| json!([tag, hex(bytes)]))
        .collect()
}

/// What is told apart in a message: its name and fields as in the file, and its bytes as we write
/// them, if we do.
type Read = (&'static str, Value, Option<Vec<u8>>);

/// The fields of a message with its extensions, and its bytes.
fn read<'a, M>(
    bytes: &'a [u8],
    fields: impl FnOnce(M) -> (&'static str, Value),
) -> Result<Read, DecodeError>
where
    M: Message + Copy + bincode::BorrowDecode<'a, ()>,
{
    let (message, list) = codec::decode_extended::<M>(bytes)?;
    let (name, mut fields) = fields(message);
    fields["extensions"] = extensions(&list);
    Ok((name, fields, Some(codec::encode_extended(message, &list))))
}

fn message(from: &str, to: &str, bytes: &[u8]) -> Result<Read, DecodeError> {
    match (from, to) {
        ("server", _) => read(bytes, |message| match message {
            FromServer::Hello(it) => ("hello", json!({ "game": it.game, "port": it.port })),
            FromServer::Heartbeat(it) => ("heartbeat", json!({ "heartbeat": hex(it) })),
        }),
        ("relay", _) => read(bytes, |message| match message {
            FromRelay::Upsert(it) => {
                let (key, heartbeat) = (number(it.key), hex(it.heartbeat));
                let (game, address) = (it.game, it.address);
                let upsert =
                    json!({ "key": key, "game": game, "address": address, "heartbeat": heartbeat });
                ("upsert", upsert)
            }
            FromRelay::Remove(key) => ("removal", json!({ "key": number(key) })),
        }),
        ("client", _) => read(bytes, |it: Subscribe<'_>| {
            let have = it
                .known
                .map(|it| json!({ "epoch": number(it.epoch), "revision": number(it.revision) }));
            let compression = match it.compression {
                Compression::None => "none",
                Compression::Zstd => "zstd",
            };
            let subscribe = json!({ "game": it.game, "have": have, "compression": compression });
            ("subscribe", subscribe)
        }),
        ("names", _) => names::from_peer(bytes),
        (_, "names") => names::from_daemon(bytes),
        (_, "client") => list(bytes),
        _ => read(bytes, |message| match message {
            FromDaemon::Welcome(it) => {
                let (interval, heartbeat) = (it.min_interval_millis, it.max_heartbeat_bytes);
                let welcome =
                    json!({ "min_interval_ms": interval, "max_heartbeat_bytes": heartbeat });
                ("welcome", welcome)
            }
            FromDaemon::Notice(it) => {
                let notice = json!({ "kind": it.kind.number(), "sentence": it.text });
                ("notice", notice)
            }
        }),
    }
}

fn list(bytes: &[u8]) -> Result<Read, DecodeError> {
    const MAX_BYTES: usize = 1 << 26;
    let message = ListMessage::decode(bytes, MAX_BYTES)?;
    let placed: Value = message.placed.iter().map(placed_fields).collect();
    let updated = message.updated.iter().map(|it| {
        json!({
            "number": number(it.number),
            "heartbeat": hex(&it.heartbeat),
            "extensions": extensions(&it.extensions),
        })
    });
    let of_message = extensions(&message.extensions);
    let epoch = number(message.epoch);
    let (name, fields) = match message.from {
        None => (
            "snapshot",
            json!({
                "epoch": epoch, "revision": number(message.to),
                "servers": placed, "extensions": of_message,
            }),
        ),
        Some(from) => (
            "delta",
            json!({
                "epoch": epoch, "from": number(from), "to": number(message.to),
                "removed": message.removed.iter().map(|it| number(*it)).collect::<Value>(),
                "placed": placed, "updated": updated.collect::<Value>(),
                "extensions": of_message,
            }),
        ),
    };
    let mut rest = bytes;
    Ok(match codec::decode_next(&mut rest)? {
        Head::Zstd { size } => {
            let fields = json!({ "size": size, "message": name, "fields": fields });
            ("compressed", fields, None)
        }
        _ => (name, fields, Some(encode_list(&message))),
    })
}

fn placed_fields(it: &crate::protocol::client::PlacedServer) -> Value {
    json!({
        "number": number(it.number),
        "game": it.game.as_str(),
        "address": it.address,
        "second": it.second_address,
        "identity": it.identity.map(|identity| identity.to_string()),
        "heartbeat": hex(&it.heartbeat),
        "extensions": extensions(&it.extensions),
    })
}

fn encode_list(message: &ListMessage) -> Vec<u8> {
    let (epoch, to) = (message.epoch, message.to);
    let placed = message.placed.iter().map(|it| Placed {
        number: it.number,
        game: it.game.as_str(),
        address: it.address,
        second_address: it.second_address,
        identity: it.identity.map(|identity| *identity.as_bytes()),
        heartbeat: &it.heartbeat,
        extensions: it.extensions.as_bytes(),
    });
    let updated = message.updated.iter().map(|it| Updated {
        number: it.number,
        heartbeat: &it.heartbeat,
        extensions: it.extensions.as_bytes(),
    });
    let (placed, updated) = (placed.collect::<Vec<_>>(), updated.collect::<Vec<_>>());
    let mut bytes = match message.from {
        None => codec::encode((
            Head::Snapshot {
                epoch,
                revision: to,
            },
            placed,
        )),
        Some(from) => codec::encode((
            Head::Delta { epoch, from, to },
            &message.removed,
            placed,
            updated,
        )),
    };
    bytes.extend_from_slice(message.extensions.as_bytes());
    bytes
}

#[test]
fn every_message_is_read_as_what_it_says_and_written_in_its_bytes() {
    for vector in section("messages") {
        let name = text(&vector, "name");
        let sent = bytes(&vector);
        match message(text(&vector, "from"), text(&vector, "to"), &sent) {
            Ok((kind, fields, written)) => {
                assert_eq!(kind, vector["message"], "{name}");
                assert_eq!(fields, vector["fields"], "{name}");
                if vector["canonical"] == true {
                    assert_eq!(written.map(|it| hex(&it)), Some(hex(&sent)), "{name}");
                }
            }
            Err(DecodeError::UnknownVariant(variant)) => {
                assert_eq!("unknown", vector["message"], "{name}");
                assert_eq!(json!({ "variant": variant }), vector["fields"], "{name}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

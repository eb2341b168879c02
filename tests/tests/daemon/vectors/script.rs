//! Messages as the vectors write them, and the names in scripts that stand for values.

use metaserve::{
    Role,
    list::Cursor,
    protocol::{
        client::{Compression, ListMessage, PlacedServer, Subscribe},
        codec,
        extensions::Extensions,
        heartbeat::{FromDaemon, FromServer},
        relay::FromRelay,
    },
};
use metaserve_client::Snapshot;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Whether a text has the words that it should.
pub(super) fn has(text: &str, words: &Value) -> bool {
    words.as_str().is_none_or(|words| text.contains(words))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Numbers that not every reader of JSON takes exactly are text.
pub(super) fn exact(number: u64) -> Value {
    if number > 1 << 53 {
        return number.to_string().into();
    }
    number.into()
}

pub(super) fn number(value: &Value) -> u64 {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text).unwrap()
}

fn extensions(list: &Extensions) -> Value {
    list.iter()
        .map(|(tag, bytes)| json!([tag, hex(bytes)]))
        .collect()
}

fn placed(server: &PlacedServer) -> Value {
    json!({
        "number": exact(server.number),
        "game": server.game.as_str(),
        "address": server.address,
        "second": server.second_address,
        "identity": server.identity.map(|it| it.to_string()),
        "heartbeat": hex(&server.heartbeat),
        "extensions": extensions(&server.extensions),
    })
}

/// A message to a client.
pub(super) fn list(message: &ListMessage) -> Value {
    let servers: Value = message.placed.iter().map(placed).collect();
    let Some(from) = message.from else {
        let fields = json!({
            "epoch": exact(message.epoch), "revision": exact(message.to), "servers": servers,
        });
        return json!({"message": "snapshot", "fields": fields});
    };
    let updated: Value = message
        .updated
        .iter()
        .map(|it| {
            json!({
                "number": exact(it.number),
                "heartbeat": hex(&it.heartbeat),
                "extensions": extensions(&it.extensions),
            })
        })
        .collect();
    let removed: Value = message.removed.iter().map(|it| exact(*it)).collect();
    let fields = json!({
        "epoch": exact(message.epoch), "from": exact(from), "to": exact(message.to),
        "removed": removed, "placed": servers, "updated": updated,
    });
    json!({"message": "delta", "fields": fields})
}

/// A message of the daemon to a server or relay.
pub(super) fn answer(message: &[u8]) -> anyhow::Result<Value> {
    Ok(match codec::decode(message)? {
        FromDaemon::Welcome(welcome) => json!({"message": "welcome", "fields": {
            "min_interval_ms": welcome.min_interval_millis,
            "max_heartbeat_bytes": welcome.max_heartbeat_bytes,
        }}),
        FromDaemon::Notice(notice) => json!({"message": "notice", "fields": {
            "kind": notice.kind.number(), "sentence": notice.text,
        }}),
    })
}

/// A message of a peer.
pub(super) fn statement(role: Role, message: &[u8]) -> anyhow::Result<Value> {
    Ok(match role {
        Role::Client => {
            let subscribe: Subscribe<'_> = codec::decode(message)?;
            json!({"message": "subscribe", "fields": {
                "game": subscribe.game, "have": subscribe.known.map(cursor),
            }})
        }
        Role::Heartbeat => match codec::decode(message)? {
            FromServer::Hello(hello) => json!({"message": "hello", "fields": {
                "game": hello.game, "port": hello.port,
            }}),
            FromServer::Heartbeat(_) => json!({"message": "heartbeat", "fields": {}}),
        },
        Role::Relay => match codec::decode(message)? {
            FromRelay::Upsert(_) => json!({"message": "upsert", "fields": {}}),
            FromRelay::Remove(_) => json!({"message": "removal", "fields": {}}),
        },
        Role::Names => anyhow::bail!("no conversation is about names"),
    })
}

pub(super) fn cursor(cursor: Cursor) -> Value {
    json!({"epoch": exact(cursor.epoch), "revision": exact(cursor.revision)})
}

/// The subscribe message with these fields.
pub(super) fn subscribe(fields: &Value) -> Subscribe<'_> {
    let known = fields.get("have").filter(|it| !it.is_null());
    Subscribe {
        game: fields["game"].as_str(),
        known: known.map(|it| Cursor {
            epoch: number(&it["epoch"]),
            revision: number(&it["revision"]),
        }),
        compression: Compression::None,
    }
}

/// What names that begin with `$` stand for.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) HashMap<String, Value>);

impl Names {
    /// Whether a value is right; of a struct, whether the fields are that are named. A name
    /// stands for the first value that it is held against.
    pub(super) fn same(&mut self, seen: &Value, right: &Value) -> bool {
        match right {
            Value::String(name) if name.starts_with('$') => {
                let known = self.0.entry(name.clone()).or_insert_with(|| seen.clone());
                known == seen
            }
            Value::Object(fields) => {
                let mut fields = fields.iter();
                fields
                    .all(|(name, right)| seen.get(name).is_some_and(|seen| self.same(seen, right)))
            }
            right => seen == right,
        }
    }

    /// The value with what its names stand for.
    pub(super) fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(name) if name.starts_with('$') => self.0[name].clone(),
            Value::Object(fields) => {
                let fill = |(name, it): (&String, &Value)| (name.clone(), self.filled(it));
                Value::Object(fields.iter().map(fill).collect::<Map<_, _>>())
            }
            value => value.clone(),
        }
    }

    /// Whether a list has exactly these servers, in any order.
    pub(super) fn shows(&mut self, snapshot: &Snapshot, right: &Value) -> bool {
        let mut seen: Vec<Value> = snapshot
            .servers()
            .map(|it| {
                json!({
                    "game": it.game.as_str(),
                    "address": it.addresses.first(),
                    "second": it.addresses.get(1),
                    "identity": it.identity.map(|it| it.to_string()),
                    "heartbeat": hex(&it.heartbeat),
                    "extensions": extensions(&it.extensions),
                })
            })
            .collect();
        let right = right.as_array().unwrap();
        seen.len() == right.len()
            && right.iter().all(|right| {
                let place = seen.iter().position(|seen| self.same(seen, right));
                place.map(|place| seen.swap_remove(place)).is_some()
            })
    }
}

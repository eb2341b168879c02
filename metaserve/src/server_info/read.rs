//! From a JSON object to a record: what has the wrong type is left out.

use super::{Mod, Player, ServerInfo};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

impl From<Object> for ServerInfo {
    /// Reads a record. Missing fields are left out, and long ones are cut.
    fn from(mut object: Object) -> Self {
        let from = &mut object;
        let mut info = Self {
            name: text(from, "name").unwrap_or_default(),
            map: text(from, "map"),
            mode: text(from, "mode"),
            players: number(from, "players"),
            max_players: number(from, "max_players"),
            password: flag(from, "password"),
            version: text(from, "version"),
            mods: objects(from, "mods"),
            started: flag(from, "started"),
            time_left_seconds: number(from, "time_left_seconds"),
            region: text(from, "region"),
            description: text(from, "description"),
            website: text(from, "website"),
            tags: list(from, "tags", as_text),
            player_list: objects(from, "player_list"),
            legacy: from.remove("legacy").filter(|it| !it.is_null()),
            other: object,
        };
        info.cut();
        info
    }
}

impl From<Object> for Mod {
    /// Reads a modification. Missing fields are left out.
    fn from(mut object: Object) -> Self {
        Self {
            name: text(&mut object, "name").unwrap_or_default(),
            version: text(&mut object, "version"),
            other: object,
        }
    }
}

impl From<Object> for Player {
    /// Reads a player. Missing fields are left out.
    fn from(mut object: Object) -> Self {
        Self {
            name: text(&mut object, "name").unwrap_or_default(),
            score: object.remove("score").and_then(|it| it.as_i64()),
            team: text(&mut object, "team"),
            other: object,
        }
    }
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn text(from: &mut Object, field: &str) -> Option<String> {
    from.remove(field).and_then(as_text)
}

fn number(from: &mut Object, field: &str) -> Option<u32> {
    let number = from.remove(field)?.as_u64()?;
    number.try_into().ok()
}

fn flag(from: &mut Object, field: &str) -> Option<bool> {
    from.remove(field)?.as_bool()
}

fn list<T>(from: &mut Object, field: &str, read: impl Fn(Value) -> Option<T>) -> Vec<T> {
    match from.remove(field) {
        Some(Value::Array(values)) => values.into_iter().filter_map(read).collect(),
        _ => Vec::new(),
    }
}

fn objects<T: From<Object>>(from: &mut Object, field: &str) -> Vec<T> {
    list(from, field, |value| match value {
        Value::Object(object) => Some(object.into()),
        _ => None,
    })
}

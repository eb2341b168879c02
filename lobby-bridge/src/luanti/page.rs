//! The list as clients fetch it, `/list`. Pure.
//! (`docs/specifications/luanti-serverlist.md`, section 6.)

use std::sync::Arc;

use imbl::OrdMap;
use serde_json::{Map, Value, json};

use super::{
    entry::{Entry, Key, clients},
    native::Native,
};
use crate::web;

/// Seconds in a month.
const MONTH: f64 = 30.0 * 24.0 * 3_600.0;

/// All servers to show at one time.
pub type Shown = web::Shown<Announced, Native>;

/// The servers that have announced themselves. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Announced {
    /// The servers.
    pub servers: OrdMap<Key, Arc<Entry>>,
    /// The most servers and players that there were at one time, with those of the registry.
    pub most: Totals,
}

/// Numbers of servers and of players on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Servers.
    pub servers: u64,
    /// Players.
    pub clients: u64,
}

/// One server of the list, with what decides about its place.
struct Row(f64, Value);

impl Shown {
    /// The servers of the registry that are shown too.
    fn others(&self) -> impl Iterator<Item = &Native> {
        self.natives(|at| self.servers.servers.contains_key(&(at.ip(), at.port())))
    }

    /// Counts servers and players.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let announced = self
            .servers
            .servers
            .values()
            .map(|it| clients(&it.said.fields));
        let counted = announced.chain(self.others().map(|it| clients(&it.fields)));
        counted.fold(Totals::default(), |totals, clients| Totals {
            servers: totals.servers + 1,
            clients: totals.clients.saturating_add(clients),
        })
    }

    /// Makes the list.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let announced = self.servers.servers.values().map(|it| Row::of(it));
        let mut rows: Vec<Row> = announced.chain(self.others().map(Row::native)).collect();
        rows.sort_by(|one, other| other.0.total_cmp(&one.0));
        let rows: Vec<Value> = rows.into_iter().map(|row| row.1).collect();
        let totals = |it: Totals| json!({ "servers": it.servers, "clients": it.clients });
        let list = json!({
            "total": totals(self.totals()),
            "total_max": totals(self.servers.most),
            "list": rows,
        });
        list.to_string().into_bytes()
    }
}

impl Row {
    fn of(entry: &Entry) -> Self {
        let points = points(&entry.said.fields, entry.popularity(), entry.ping);
        let mut fields = entry.said.fields.clone();
        fields.insert("address".to_owned(), entry.address.clone().into());
        fields.insert("port".to_owned(), entry.at.port().into());
        fields.insert("ping".to_owned(), entry.ping.into());
        fields.insert("clients_top".to_owned(), entry.clients_top.into());
        fields.insert("pop_v".to_owned(), entry.popularity().into());
        Self(points, fields.into())
    }

    fn native(native: &Native) -> Self {
        let clients = clients(&native.fields);
        let mut fields = native.fields.clone();
        if let Some(at) = native.addresses.first() {
            fields.insert("address".to_owned(), at.ip().to_string().into());
            fields.insert("port".to_owned(), at.port().into());
        }
        fields.insert("clients_top".to_owned(), clients.into());
        fields.insert("pop_v".to_owned(), (clients as f64).into());
        Self(points(&native.fields, clients as f64, 0.0), fields.into())
    }
}

/// How high up in the list a server is, as the public list has it.
fn points(fields: &Map<String, Value>, popularity: f64, ping: f64) -> f64 {
    let number = |name| fields.get(name).and_then(Value::as_u64).unwrap_or(0) as f64;
    let names = fields.get("clients_list").and_then(Value::as_array);
    let players = match names {
        Some(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|it| if is_guest(it) { 0.125 } else { 1.0 }).sum()
        }
        None => number("clients"),
    };
    let crowd = number("clients") - 0.8 * number("clients_max");
    let most = if number("clients_max") > 200.0 {
        8.0
    } else {
        0.0
    };
    players - crowd.max(0.0) + (number("game_time") / MONTH).min(8.0) + (popularity / 2.0).min(4.0)
        - most
        - 8.0 * (ping - 0.4).max(0.0)
        - 8.0 * (1.0 - number("uptime") / 3_600.0).max(0.0)
}

/// Whether a name looks like that of a guest: `[A-Z][a-z]{3,}[1-9][0-9]{2,3}`.
fn is_guest(name: &str) -> bool {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[letters.len()..];
    let mut letters = letters.chars();
    letters.next().is_some_and(|it| it.is_ascii_uppercase())
        && letters.as_str().len() >= 3
        && letters.all(|it| it.is_ascii_lowercase())
        && (3..=4).contains(&digits.len())
        && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_recognised_by_their_names() {
        for (name, guest) in [
            ("Goose123", true),
            ("Goose1234", true),
            ("Goose12", false),
            ("Goose12345", false),
            ("Goose023", false),
            ("Goo123", false),
            ("goose123", false),
            ("GoOse123", false),
            ("Goose", false),
            ("123", false),
            ("Größe123", false),
            ("", false),
        ] {
            assert_eq!(is_guest(name), guest, "{name}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_public_list() {
        let fields = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let month = MONTH as u64;
        for (text, popularity, ping, expected) in [
            ("{}".to_owned(), 0.0, 0.0, -8.0),
            (r#"{"uptime":3600}"#.to_owned(), 0.0, 0.0, 0.0),
            (r#"{"uptime":1800}"#.to_owned(), 0.0, 0.0, -4.0),
            (
                r#"{"uptime":3600,"clients":2,"clients_max":10}"#.to_owned(),
                0.0,
                0.4,
                2.0,
            ),
            (
                r#"{"uptime":3600,"clients":2,"clients_max":10,"clients_list":["Ana","Goose123"]}"#
                    .to_owned(),
                3.0,
                0.5,
                1.125 + 1.5 - 0.8,
            ),
            (
                r#"{"uptime":3600,"clients":10,"clients_max":10}"#.to_owned(),
                0.0,
                0.0,
                8.0,
            ),
            (
                r#"{"uptime":3600,"clients_max":201}"#.to_owned(),
                20.0,
                0.0,
                4.0 - 8.0,
            ),
            (
                format!("{{\"uptime\":3600,\"game_time\":{}}}", 2 * month),
                0.0,
                0.0,
                2.0,
            ),
            (
                format!("{{\"uptime\":3600,\"game_time\":{}}}", 99 * month),
                0.0,
                0.0,
                8.0,
            ),
        ] {
            let points = points(&fields(&text), popularity, ping);
            assert!((points - expected).abs() < 1e-9, "{text}: {points}");
        }
    }

    #[test]
    fn a_list_without_servers_is_an_object() {
        let json = String::from_utf8(Shown::default().json()).unwrap();
        let expected = r#"{"list":[],"total":{"clients":0,"servers":0},"total_max":{"clients":0,"servers":0}}"#;
        assert_eq!(json, expected);
    }
}

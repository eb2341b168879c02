//! The list as clients fetch it, `servers.json`. Pure.
//! (`docs/specifications/ddnet-register.md`, section 8.)

use std::{collections::HashSet, net::SocketAddr};

use super::{address::Address, entries::Servers, info::Info, native::Native};
use crate::web;

/// All servers to show at one time.
pub type Shown = web::Shown<Servers, Native>;

/// One server of the list.
struct Row<'a> {
    addresses: Vec<&'a Address>,
    location: Option<&'a str>,
    info: &'a Info,
}

impl Shown {
    /// Makes the list.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let registered = self.servers.values().map(|entry| Row {
            addresses: entry.addresses.keys().collect(),
            location: None,
            info: &entry.info,
        });
        let mut rows: Vec<Row<'_>> = registered.filter(|it| !it.addresses.is_empty()).collect();
        let taken = rows.iter().flat_map(|row| &row.addresses).map(|it| it.at);
        let taken: HashSet<SocketAddr> = taken.collect();
        let natives = self.natives(|at| taken.contains(at));
        rows.extend(natives.map(|it| Row {
            addresses: it.addresses.iter().collect(),
            location: it.location.as_deref(),
            info: &it.info,
        }));
        rows.sort_by_key(|row| row.addresses.first().copied());
        let mut json = b"{\"servers\":[".to_vec();
        for (position, row) in rows.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            row.write(&mut json);
        }
        json.extend(b"]}\n");
        json
    }
}

impl Row<'_> {
    /// Writes the row. Addresses and locations have no characters that JSON would escape.
    fn write(&self, json: &mut Vec<u8>) {
        json.extend(b"{\"addresses\":[");
        for (position, address) in self.addresses.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            json.extend(format!("{comma}\"{address}\"").as_bytes());
        }
        json.extend(b"],");
        if let Some(location) = self.location {
            json.extend(format!("\"location\":\"{location}\",").as_bytes());
        }
        json.extend(b"\"info\":");
        json.extend(&self.info.json()[..]);
        json.push(b'}');
    }
}

//! Servers as records of the registry, and servers of the registry as old clients find them
//! (`docs/specifications/quake3-master.md`, section 12). Pure.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use metaserve::{Fingerprint, ServerInfo};
use metaserve_client::Server;
use metaserve_query::quake;
use serde_json::{Value, json};

use super::{
    addresses::Addresses,
    dialect::Dialect,
    games::Games,
    info::{Info, Kind},
    message::MARK,
    servers::Listed,
};
use crate::publish::{self, Listing};

/// The name of the protocol in records of Quake III.
const PROTOCOL: &str = Dialect::Quake3.name();

/// The longest record: what daemons accept by default.
const MAX_BYTES: usize = 8 * 1024;

/// Types of games that clients ask for by number, by the names that the registry has for them.
const MODES: [(&str, &str); 4] = [
    ("deathmatch", "0"),
    ("tournament", "1"),
    ("team deathmatch", "3"),
    ("capture the flag", "4"),
];

/// A server of the registry, as old clients find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// What lists need to know.
    pub info: Info,
    /// Where players join it: at most one address of each family.
    pub addresses: Vec<SocketAddr>,
}

/// A change of what is shown of the registry, by numbers of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NativeChange {
    /// Show it like this.
    Show(u64, Native),
    /// Do not show it any longer.
    Withdraw(u64),
}

/// Makes the listing of a server that `bridge` publishes.
#[must_use]
pub fn listing(dialect: Dialect, listed: &Listed, bridge: Option<&Fingerprint>) -> Listing {
    let mut info = server_info(dialect, listed);
    publish::mark(&mut info, bridge);
    Listing {
        game: listed.game.clone(),
        address: listed.address,
        heartbeat: info.fit(MAX_BYTES).to_json().into(),
    }
}

/// Makes the record of a server. One without a name is called by its address.
#[must_use]
pub fn server_info(dialect: Dialect, listed: &Listed) -> ServerInfo {
    let mut info = match dialect {
        Dialect::Quake3 => quake3_info(listed),
        Dialect::QuakeWorld => quakeworld_info(listed),
    };
    if info.name.is_empty() {
        info.name = listed.address.to_string();
    }
    info
}

fn quake3_info(listed: &Listed) -> ServerInfo {
    let description = &listed.description;
    let wire = &description.info;
    // Servers of old games leave it to their tag which game they are.
    let game = format!("\\gamename\\{}", wire.gamename);
    let datagram = [MARK, b"infoResponse\n", &description.raw, game.as_bytes()].concat();
    let answer = quake::info_response(&datagram).ok();
    let told = answer.as_ref().map(quake::Answer::server_info);
    let mut info = told.unwrap_or_default();
    // Engines that do not count bots apart say only how many are there.
    let counts = ["g_humanplayers", "humans", "bots"];
    let counts_people = answer.is_some_and(|it| counts.iter().any(|key| it.get(key).is_some()));
    if !counts_people {
        info.players = wire.clients;
    }
    info.max_players = wire.max_clients;
    info.legacy = Some(json!({
        "protocol": PROTOCOL,
        "gamename": wire.gamename,
        "number": wire.protocol,
        "gametype": wire.gametype,
        "anonymous": wire.kind == Kind::Anonymous,
        "info": BASE64.encode(&description.raw),
    }));
    info
}

/// The record of a server of `QuakeWorld`.
fn quakeworld_info(listed: &Listed) -> ServerInfo {
    let raw = &listed.description.raw;
    let answer = quake::quakeworld_status(raw).ok();
    ServerInfo {
        legacy: Some(json!({ "protocol": Dialect::QuakeWorld.name(), "info": BASE64.encode(raw) })),
        ..answer
            .as_ref()
            .map(quake::quakeworld_record)
            .unwrap_or_default()
    }
}

/// Makes of a server of the registry what old clients find; `None` if they cannot.
#[must_use]
pub fn native(
    server: &Server,
    record: &ServerInfo,
    games: &Games,
    addresses: &Addresses,
) -> Option<Native> {
    let wire = record.legacy.as_ref().and_then(legacy);
    let mut info = wire.or_else(|| {
        let mut info = games.wire(&server.game)?;
        let mode = record.mode.as_deref().unwrap_or_default();
        let number = MODES.iter().find(|(name, _)| *name == mode);
        if let Some((_, number)) = number {
            (*number).clone_into(&mut info.gametype);
        }
        Some(info)
    })?;
    info.clients = record.players;
    info.max_clients = record.max_players;
    let shown = server
        .addresses
        .iter()
        .filter_map(|it| addresses.shown(*it));
    let shown: Vec<_> = shown.collect();
    (games.accepts(&info.gamename) && !shown.is_empty()).then_some(Native {
        info,
        addresses: shown,
    })
}

/// The wire's own facts in a record that a bridge has made.
fn legacy(legacy: &Value) -> Option<Info> {
    if legacy.get("protocol")?.as_str()? != PROTOCOL {
        return None;
    }
    let text = |key| Some(legacy.get(key)?.as_str()?.to_owned());
    Some(Info {
        gamename: text("gamename")?,
        kind: match legacy.get("anonymous").and_then(Value::as_bool) {
            Some(true) => Kind::Anonymous,
            _ => Kind::Named,
        },
        protocol: legacy.get("number")?.as_i64()?,
        gametype: text("gametype").unwrap_or_else(|| "0".to_owned()),
        clients: None,
        max_clients: None,
    })
}

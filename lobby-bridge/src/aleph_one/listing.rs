//! Turns Myth games into records of the registry, and native servers into Myth games. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use metaserve::{Mod, ServerInfo};
use serde_json::{Value, json};

use super::{
    description::{CLOSED, CUSTOM, Description, Extension, MAX_BYTES, Names, RUNNING},
    text,
};

/// The network protocol that native servers are said to speak
/// (`docs/specifications/myth-metaserver.md`, section 17).
pub const NETWORK_PROTOCOL: &str = "Aleph One WonderNAT V2";
/// The name under which these games are listed in the registry.
pub const GAME: &str = "alephone";
const PROTOCOL: &str = "myth";

/// The longest description that is published unchanged, so that the record stays below the 8 KiB
/// that daemons accept by default. Aleph One's descriptions have about 640 bytes.
const MAX_PUBLISHED_BYTES: usize = 4 * 1024;
/// The most characters that are published of a text, and that are shown of a native server's.
const MAX_TEXT: usize = 100;
/// A week. A game that lasts longer has no limit (`docs/specifications/myth-metaserver.md`, section
/// 15.4).
const MAX_TICKS: i64 = 18_144_000;
const TICKS_PER_SECOND: i64 = 30;

/// The names of the game types, by number (`docs/specifications/myth-metaserver.md`, section 16).
const MODES: [&str; 8] = [
    "every man for himself",
    "cooperative",
    "capture the flag",
    "king of the hill",
    "kill the man with the ball",
    "defense",
    "rugby",
    "tag",
];

/// The facts of a game that are not in its description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GameFacts {
    /// Whether its gatherer has started it.
    pub started: bool,
    /// How long it still lasts; `None` if that is unknown or it has no limit.
    pub seconds_left: Option<u32>,
    /// The gatherer's display name, in MacRoman.
    pub gatherer: Vec<u8>,
}

/// Makes the record of a game for the registry. It stays below 8 KiB.
#[must_use]
pub fn server_info(raw: &[u8], description: &Description, facts: GameFacts) -> ServerInfo {
    let names = description.extension.names().unwrap_or_default();
    let gatherer = shown(&facts.gatherer);
    let name = some(shown(&description.name)).unwrap_or_else(|| match gatherer.as_str() {
        "" => "a game".to_owned(),
        gatherer => format!("{gatherer}'s Game"),
    });
    let scenario = some(shown(&names.scenario)).map(|name| Mod {
        version: some(shown(&names.scenario_version)),
        ..Mod::new(name)
    });
    let published = (raw.len() <= MAX_PUBLISHED_BYTES).then(|| BASE64.encode(raw));
    let mut legacy = json!({ "protocol": PROTOCOL, "gatherer": gatherer });
    if let Some(description) = published {
        legacy["description"] = description.into();
    }
    ServerInfo {
        map: some(shown(&description.map)),
        mode: Some(mode(description.game_type, &shown(&names.script))),
        players: Some(description.players.into()),
        max_players: Some(description.max_players.into()),
        password: Some(false),
        version: some(shown(&names.build)),
        mods: scenario.into_iter().collect(),
        started: Some(facts.started || description.status & RUNNING != 0),
        time_left_seconds: facts.seconds_left,
        legacy: Some(legacy),
        ..ServerInfo::new(name)
    }
}

/// Makes a description of a server that Aleph One can read: the one in its `legacy` if that is
/// readable, otherwise one made from its fields. `None` if it has no name to show.
#[must_use]
pub fn description(info: &ServerInfo) -> Option<Vec<u8>> {
    info.legacy.as_ref().and_then(published).or_else(|| {
        let name = written(&info.name);
        (!name.is_empty()).then(|| built(info, name).encode())
    })
}

/// Returns the description in a record, if there is a readable one.
fn published(legacy: &Value) -> Option<Vec<u8>> {
    if legacy.get("protocol")?.as_str()? != PROTOCOL {
        return None;
    }
    let text = legacy.get("description")?.as_str()?;
    if text.len() > MAX_BYTES * 2 {
        return None;
    }
    let raw = BASE64.decode(text).ok()?;
    Description::parse(&raw).is_ok().then_some(raw)
}

/// Makes a description from the fields of a record that is not of a Myth game.
fn built(info: &ServerInfo, name: Vec<u8>) -> Description {
    let field = |text: &Option<String>| text.as_deref().map(written).unwrap_or_default();
    let scenario = info.mods.first();
    let (game_type, script) = rules(info.mode.as_deref().unwrap_or(MODES[0]));
    let names = Names {
        build: field(&info.version),
        protocol: NETWORK_PROTOCOL.into(),
        scenario: scenario.map(|it| written(&it.name)).unwrap_or_default(),
        scenario_version: scenario.map(|it| field(&it.version)).unwrap_or_default(),
        script,
        // Empty: any scenario will do.
        scenario_id: Vec::new(),
    };
    let ticks = info
        .time_left_seconds
        .map(|seconds| i64::from(seconds) * TICKS_PER_SECOND)
        .filter(|ticks| *ticks < MAX_TICKS);
    let players = info.players.unwrap_or(0);
    let max_players = info.max_players.unwrap_or(8).min(0xfffe);
    let started = info.started == Some(true);
    // Aleph One cannot send a password, so for its players such a game is closed.
    let closed = started || info.password == Some(true) || players >= max_players;
    Description {
        game_type,
        time_limit_ticks: ticks.and_then(|it| i32::try_from(it).ok()).unwrap_or(-1),
        max_players: u16::try_from(max_players).unwrap_or(u16::MAX),
        max_teams: u16::try_from(max_players).unwrap_or(u16::MAX),
        extension: Extension::new(&names, None),
        status: if closed { CLOSED } else { 0 } | if started { RUNNING } else { 0 },
        players: u8::try_from(players).unwrap_or(u8::MAX),
        name,
        map: field(&info.map),
        ..Description::default()
    }
}

fn mode(game_type: u16, script: &str) -> String {
    match MODES.get(usize::from(game_type)) {
        Some(mode) => (*mode).to_owned(),
        None if game_type == CUSTOM && !script.is_empty() => {
            let file = script.strip_suffix(".lua").or(script.strip_suffix(".txt"));
            file.unwrap_or(script).replace('_', " ")
        }
        None => "custom".to_owned(),
    }
}

/// Returns the game type with this name. Other names become a custom type with a script.
fn rules(mode: &str) -> (u16, Vec<u8>) {
    let known = MODES.iter().zip(0..).find(|(name, _)| **name == mode);
    match known {
        Some((_, number)) => (number, Vec::new()),
        None => (CUSTOM, written(mode)),
    }
}

/// Decodes MacRoman for people: without style escapes and control characters, and not too long.
fn shown(text: &[u8]) -> String {
    let text = text::decode(&text::without_styles(text)).replace(char::is_control, "");
    text.trim().chars().take(MAX_TEXT).collect()
}

/// Encodes text as MacRoman, without control characters, and not too long.
fn written(text: &str) -> Vec<u8> {
    let plain = text.chars().filter(|c| !c.is_control());
    text::encode(&plain.take(MAX_TEXT).collect::<String>())
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;

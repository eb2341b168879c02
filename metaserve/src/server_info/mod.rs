//! An optional convention for what a heartbeat says: `docs/reference/server-info.md`.

mod bounds;
mod read;
#[cfg(test)]
mod tests;
mod website;

pub use bounds::InvalidInfo;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What players see of most games' servers, as a JSON object.
///
/// A heartbeat can be any bytes, and the daemon does not look inside. A heartbeat in this format
/// has one advantage: generic programs, such as the web page and the terminal browser, show its
/// fields instead of its size in bytes. Every field except `name` is optional.
///
/// Every text has a maximum length and every list a maximum number of entries, so that a record
/// stays small. [`check`](Self::check) names a field that is beyond its bounds, [`fit`](Self::fit)
/// cuts a record down, and [`from_json`](Self::from_json) gives records within their bounds only.
///
/// Texts come from strangers. Before you write one to a terminal, make it
/// [`printable`](crate::printable); on a page, insert it as text and never as markup.
///
/// ```
/// use metaserve::{Player, ServerInfo};
///
/// let info = ServerInfo {
///     players: Some(1),
///     max_players: Some(16),
///     region: Some("eu".to_owned()),
///     website: Some("https://dustys.example.org".to_owned()),
///     tags: vec!["no-lag".to_owned()],
///     player_list: vec![Player { score: Some(12), ..Player::new("Ana") }],
///     ..ServerInfo::new("Dusty's")
/// };
/// info.check()?;
/// let heartbeat = info.to_json();
/// assert_eq!(ServerInfo::from_json(&heartbeat), Some(info));
/// # Ok::<(), metaserve::InvalidInfo>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub struct ServerInfo {
    /// What the server's operator calls it: 1 to 128 characters.
    pub name: String,
    /// The map or level that is being played, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// The rules that are being played, such as `ctf`, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The number of people in the game now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub players: Option<u32>,
    /// The number of people that the game has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_players: Option<u32>,
    /// Whether players need a password to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<bool>,
    /// The version of the game, as players know it, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What players must install to join: at most 256 mods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mods: Vec<Mod>,
    /// Whether the game has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    /// How long the game will go on, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_left_seconds: Option<u32>,
    /// Where the server is, such as `eu` or `Frankfurt`, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What players should know about the server: plain text, at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where players can read more: an `http` or `https` URL without a user name, at most 256
    /// ASCII characters. Programs show it as a link. Readers leave out anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Words to search for: at most 16, each of 1 to 32 characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who is in the game, in the order in which to show them: at most 64 players. The list may be
    /// shorter than `players` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub player_list: Vec<Player>,
    /// What a bridge needs to show the server to programs of an older protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy: Option<Value>,
    /// All other fields of the object. A record that is read and written again keeps them.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A modification of a game: one of [`ServerInfo::mods`].
///
/// ```
/// use metaserve::Mod;
///
/// let it = Mod { version: Some("2.1".to_owned()), ..Mod::new("big-maps") };
/// # assert_eq!(it.name, "big-maps");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub struct Mod {
    /// The name of the modification: 1 to 128 characters.
    pub name: String,
    /// Its version, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// All other fields of the object.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Somebody in the game: one of [`ServerInfo::player_list`].
///
/// ```
/// use metaserve::Player;
///
/// let ana = Player { score: Some(12), team: Some("red".to_owned()), ..Player::new("Ana") };
/// # assert_eq!(ana.name, "Ana");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub struct Player {
    /// The name of the player: 1 to 128 characters.
    pub name: String,
    /// The player's score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// The player's team, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// All other fields of the object.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Mod {
    /// A modification with this name and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

impl Player {
    /// A player with this name and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

impl ServerInfo {
    /// The longest heartbeat that is read as a record: 64 KiB.
    pub const MAX_JSON_BYTES: usize = 64 * 1024;

    /// A record with this name and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// How many people are in the game and how many it has room for, such as `3/16`, or `3` when
    /// the record does not say how many it has room for; `?` stands for a number that is missing.
    /// None when both are missing.
    #[must_use]
    pub fn occupancy(&self) -> Option<String> {
        match (self.players, self.max_players) {
            (None, None) => None,
            (Some(players), None) => Some(players.to_string()),
            (None, Some(most)) => Some(format!("?/{most}")),
            (Some(players), Some(most)) => Some(format!("{players}/{most}")),
        }
    }

    /// The bytes to publish as a heartbeat.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record of texts and numbers is always JSON")
    }

    /// The record in a heartbeat. None when the heartbeat is not a JSON object with a `name`, when
    /// it is longer than [`MAX_JSON_BYTES`](Self::MAX_JSON_BYTES), or when it is nested deeper than
    /// 127 levels.
    ///
    /// A mistake in one field does not affect the others: a field of the wrong type is left out, a
    /// text or a list that is too long is cut, and of a repeated field the last one counts. So
    /// [`check`](Self::check) never complains about the result.
    #[must_use]
    pub fn from_json(heartbeat: &[u8]) -> Option<Self> {
        // Cheap to refuse: most other encodings do not begin like this.
        let object = heartbeat.trim_ascii_start().starts_with(b"{");
        if !object || heartbeat.len() > Self::MAX_JSON_BYTES {
            return None;
        }
        let info: Self = serde_json::from_slice(heartbeat).ok()?;
        (!info.name.is_empty()).then_some(info)
    }
}

//! An optional convention for what a heartbeat says.

use serde::{Deserialize, Serialize};

/// What players see of most games' servers, as a JSON object.
///
/// A heartbeat may be any bytes, and the daemon never looks inside. Publishing this instead of
/// a format of your own has one advantage: generic programs, such as the terminal browser and
/// the web page, show its fields instead of a size in bytes. All fields but `name` may be left
/// out; unknown ones are ignored.
///
/// ```
/// use metaserve::ServerInfo;
///
/// let info = ServerInfo { players: Some(3), max_players: Some(16), ..ServerInfo::new("Dusty's") };
/// let heartbeat = info.to_json();
/// assert_eq!(heartbeat, br#"{"name":"Dusty's","players":3,"max_players":16}"#);
/// assert_eq!(ServerInfo::from_json(&heartbeat), Some(info));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// What the server's operator calls it.
    pub name: String,
    /// The map or level being played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// The rules being played, such as `ctf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// People in the game now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub players: Option<u32>,
    /// The most people who can be in the game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_players: Option<u32>,
    /// Whether joining needs a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<bool>,
    /// The game's version, as players know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What must be installed to join.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mods: Vec<Mod>,
    /// Whether the game has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<bool>,
    /// How long the game goes on, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_left_seconds: Option<u32>,
    /// What a bridge needs to show the server to programs of an older protocol again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy: Option<serde_json::Value>,
}

/// One modification of a game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mod {
    /// What it is called.
    pub name: String,
    /// Which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl ServerInfo {
    /// A record that says no more than a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// How many people are in the game and how many can be, such as `3/16`, or `3` when it does not
    /// say how many can be; `?` is what it does not say. None when it says neither.
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

    /// The record that a heartbeat holds, if it holds one: a JSON object with a `name`.
    #[must_use]
    pub fn from_json(heartbeat: &[u8]) -> Option<Self> {
        // Cheap to refuse: most other encodings do not begin like this.
        let object = heartbeat.trim_ascii_start().starts_with(b"{");
        let info: Self = object.then(|| serde_json::from_slice(heartbeat).ok())??;
        (!info.name.is_empty()).then_some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_heartbeats_are_not_taken_for_records() {
        for bytes in [
            &b""[..],
            b"{}",
            b"[1]",
            b"{\"name\":5}",
            b"\x00\xff",
            b"\"name\"",
        ] {
            assert_eq!(ServerInfo::from_json(bytes), None);
        }
    }

    #[test]
    fn a_game_is_as_full_as_it_says() {
        for (players, max_players, shown) in [
            (None, None, None),
            (Some(3), None, Some("3")),
            (None, Some(16), Some("?/16")),
            (Some(3), Some(16), Some("3/16")),
        ] {
            let info = ServerInfo {
                players,
                max_players,
                ..ServerInfo::new("it")
            };
            assert_eq!(info.occupancy().as_deref(), shown);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_met_calmly(bytes: Vec<u8>) {
            let _ = ServerInfo::from_json(&bytes);
        }

        #[test]
        fn names_survive(name in "\\PC{1,40}", players: Option<u32>) {
            let info = ServerInfo { players, ..ServerInfo::new(name) };
            prop_assert_eq!(ServerInfo::from_json(&info.to_json()), Some(info));
        }
    }
}

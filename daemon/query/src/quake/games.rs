//! What games that share a protocol do differently.

use super::answer::Answer;
use crate::text::{Codes, decode, decode_or_glyphs, tidy};

/// A game, or a family of games that are alike, that speaks the protocol of Quake III.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Game {
    /// Quake III, OpenArena, and modifications that keep their modes.
    Quake3,
    /// Urban Terror.
    UrbanTerror,
    /// Return to Castle Wolfenstein.
    Wolfenstein,
    /// Enemy Territory.
    EnemyTerritory,
    /// Nexuiz, Xonotic and other games of `DarkPlaces`.
    DarkPlaces,
    /// Warsow and Warfork.
    Qfusion,
    /// Unvanquished.
    Daemon,
    /// Any other.
    Other,
}

impl Game {
    pub(super) fn of(answer: &Answer<'_>) -> Self {
        let text = |key| tidy(&decode(answer.get(key).unwrap_or_default()));
        let (name, version) = (text("gamename"), text("version"));
        // Only DarkPlaces says both.
        if answer.get("gameversion").is_some() && answer.get("modname").is_some() {
            return Self::DarkPlaces;
        }
        let engines = [
            ("ET", Self::EnemyTerritory),
            ("Wolf", Self::Wolfenstein),
            ("Warsow", Self::Qfusion),
            ("Warfork", Self::Qfusion),
            ("Unvanquished", Self::Daemon),
        ];
        let engine = engines
            .into_iter()
            .find(|(begin, _)| version.starts_with(begin));
        if let Some((_, game)) = engine {
            return game;
        }
        match name.to_ascii_lowercase().as_str() {
            "baseq3" | "baseoa" | "missionpack" | "quake3arena" => Self::Quake3,
            "q3ut4" | "q3urt43" => Self::UrbanTerror,
            "wolfmp" => Self::Wolfenstein,
            "et" | "etmain" | "etpub" | "etpro" | "legacy" | "jaymod" | "nitmod" => {
                Self::EnemyTerritory
            }
            "warsow" | "warfork" => Self::Qfusion,
            "unvanquished" => Self::Daemon,
            _ => Self::Other,
        }
    }

    pub(super) fn codes(self) -> Codes {
        match self {
            Self::DarkPlaces => Codes::DarkPlaces,
            Self::Wolfenstein | Self::EnemyTerritory => Codes::Wolfenstein,
            Self::Qfusion => Codes::Qfusion,
            Self::Daemon => Codes::Daemon,
            Self::Quake3 | Self::UrbanTerror | Self::Other => Codes::Quake3,
        }
    }

    pub(super) fn decoder(self) -> fn(&[u8]) -> String {
        match self {
            Self::DarkPlaces => decode_or_glyphs,
            _ => decode,
        }
    }

    /// The mode in words, if it is known.
    pub(super) fn mode(self, answer: &Answer<'_>) -> Option<String> {
        if self == Self::DarkPlaces {
            let [mode, _] = qcstatus(answer);
            return mode.map(|mode| named(&XONOTIC, &mode).unwrap_or(mode));
        }
        let told = answer.first(&["g_gametype", "gametype"])?;
        let told = tidy(&self.codes().strip(&decode(told)));
        let number = told.bytes().all(|byte| byte.is_ascii_digit());
        let table: &[(&str, &str)] = match self {
            Self::Quake3 => &QUAKE3,
            Self::UrbanTerror => &URBAN_TERROR,
            Self::Wolfenstein => &WOLFENSTEIN,
            Self::EnemyTerritory => &ENEMY_TERRITORY,
            _ if number => return None,
            // Other games have words.
            _ => return Some(told),
        };
        match number {
            true => Some(named(table, &told).unwrap_or(format!("type {told}"))),
            false => Some(told),
        }
    }

    /// The game's version, where `version` is missing.
    pub(super) fn version(self, answer: &Answer<'_>) -> Option<String> {
        let [_, version] = match self {
            Self::DarkPlaces => qcstatus(answer),
            _ => return None,
        };
        version
    }

    /// The name of a team, from the number in a player's line.
    pub(super) fn team(self, number: i64) -> Option<String> {
        let name = match (self, number) {
            (Self::DarkPlaces, 5) => "red",
            (Self::DarkPlaces, 14) => "blue",
            (Self::DarkPlaces, 13) => "yellow",
            (Self::DarkPlaces, 10) => "pink",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

/// Mode and version of Nexuiz and Xonotic, from `dm:2.5.2:...`.
fn qcstatus(answer: &Answer<'_>) -> [Option<String>; 2] {
    let text = tidy(&decode(answer.get("qcstatus").unwrap_or_default()));
    let mut words = text.split(':').map(str::to_owned);
    [(); 2].map(|()| words.next().filter(|word| !word.is_empty()))
}

fn named(table: &[(&str, &str)], key: &str) -> Option<String> {
    let found = table.iter().find(|(it, _)| *it == key)?;
    Some(found.1.to_owned())
}

/// Whether this is the folder of a game itself, and not of a modification.
pub(super) fn is_base(dir: &str) -> bool {
    let bases = ["baseq3", "baseoa", "data", "id1", "q3ut4", "main", "etmain"];
    bases.contains(&dir)
}

/// Of the games with the protocol of Quake II, Alien Arena has the colours of Quake III.
pub(super) fn quake2_codes(answer: &Answer<'_>) -> Option<Codes> {
    let name = answer.get("gamename").unwrap_or_default();
    matches!(name, b"data1" | b"arena").then_some(Codes::Quake3)
}

/// From the eighth on they are OpenArena's.
const QUAKE3: [(&str, &str); 13] = [
    ("0", "deathmatch"),
    ("1", "tournament"),
    ("3", "team deathmatch"),
    ("4", "capture the flag"),
    ("5", "one flag"),
    ("6", "overload"),
    ("7", "harvester"),
    ("8", "elimination"),
    ("9", "elimination with flags"),
    ("10", "last man standing"),
    ("11", "double domination"),
    ("12", "domination"),
    ("13", "possession"),
];

const URBAN_TERROR: [(&str, &str); 11] = [
    ("0", "deathmatch"),
    ("1", "last man standing"),
    ("3", "team deathmatch"),
    ("4", "team survivor"),
    ("5", "follow the leader"),
    ("6", "capture and hold"),
    ("7", "capture the flag"),
    ("8", "bomb"),
    ("9", "jump"),
    ("10", "freeze tag"),
    ("11", "gun game"),
];

const WOLFENSTEIN: [(&str, &str); 4] = [
    ("5", "objective"),
    ("6", "stopwatch"),
    ("7", "checkpoint"),
    ("8", "capture the flag"),
];

const ENEMY_TERRITORY: [(&str, &str); 5] = [
    ("2", "objective"),
    ("3", "stopwatch"),
    ("4", "campaign"),
    ("5", "last man standing"),
    ("6", "map voting"),
];

const XONOTIC: [(&str, &str); 16] = [
    ("arena", "arena"),
    ("as", "assault"),
    ("ca", "clan arena"),
    ("ctf", "capture the flag"),
    ("cts", "complete the stage"),
    ("dm", "deathmatch"),
    ("dom", "domination"),
    ("ft", "freeze tag"),
    ("inv", "invasion"),
    ("ka", "keepaway"),
    ("kh", "key hunt"),
    ("lms", "last man standing"),
    ("nb", "nexball"),
    ("ons", "onslaught"),
    ("rc", "race"),
    ("tdm", "team deathmatch"),
];

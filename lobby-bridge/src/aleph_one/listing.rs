//! A Myth game as the registry shows it, and a native server as Aleph One shows it. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use metaserve::{Mod, ServerInfo};
use serde_json::{Value, json};

use super::{
    description::{CLOSED, CUSTOM, Description, Extension, MAX_BYTES, Names, RUNNING},
    text,
};

/// The network protocol that a native server is taken to speak (section 17).
pub const NETWORK_PROTOCOL: &str = "Aleph One WonderNAT V2";
/// The namespace of these games in the registry.
pub const GAME: &str = "alephone";
const PROTOCOL: &str = "myth";

/// The longest description that is published as it is, so that the record stays below the 8 KiB
/// which a daemon takes by default. Aleph One's have about 640 bytes.
const MAX_PUBLISHED_BYTES: usize = 4 * 1024;
/// The most characters of a text that are published, and of a native server's that are shown.
const MAX_TEXT: usize = 100;
/// A week: what lasts longer has no limit (section 15.4).
const MAX_TICKS: i64 = 18_144_000;
const TICKS_PER_SECOND: i64 = 30;

/// The rules by number (section 16).
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

/// What is known of a game besides its description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GameFacts {
    /// Whether its gatherer has started it.
    pub started: bool,
    /// How long it goes on; none when that is not known or it has no limit.
    pub seconds_left: Option<u32>,
    /// The gatherer's display name, MacRoman.
    pub gatherer: Vec<u8>,
}

/// What the registry is told of a game. The record stays below 8 KiB.
#[must_use]
pub fn server_info(raw: &[u8], description: &Description, facts: GameFacts) -> ServerInfo {
    let names = description.extension.names().unwrap_or_default();
    let gatherer = shown(&facts.gatherer);
    let name = some(shown(&description.name)).unwrap_or_else(|| match gatherer.as_str() {
        "" => "a game".to_owned(),
        gatherer => format!("{gatherer}'s Game"),
    });
    let scenario = some(shown(&names.scenario)).map(|name| Mod {
        name,
        version: some(shown(&names.scenario_version)),
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

/// A server's record as Aleph One can read it: the description in its `legacy` if there is a
/// readable one, else one made from its fields. None when it has no name to show.
#[must_use]
pub fn description(info: &ServerInfo) -> Option<Vec<u8>> {
    info.legacy.as_ref().and_then(published).or_else(|| {
        let name = written(&info.name);
        (!name.is_empty()).then(|| built(info, name).encode())
    })
}

/// The description that a record brings along.
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

/// A description made from the fields of a record that knows nothing of Myth.
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
        // Empty: goes with every scenario.
        scenario_id: Vec::new(),
    };
    let ticks = info
        .time_left_seconds
        .map(|seconds| i64::from(seconds) * TICKS_PER_SECOND)
        .filter(|ticks| *ticks < MAX_TICKS);
    let players = info.players.unwrap_or(0);
    let max_players = info.max_players.unwrap_or(8).min(0xfffe);
    let started = info.started == Some(true);
    // Aleph One cannot give a password, so to its players such a game is closed.
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

/// The number of the rules with this name, and the script that shows a name of its own.
fn rules(mode: &str) -> (u16, Vec<u8>) {
    let known = MODES.iter().zip(0..).find(|(name, _)| **name == mode);
    match known {
        Some((_, number)) => (number, Vec::new()),
        None => (CUSTOM, written(mode)),
    }
}

/// MacRoman as people read it: without style escapes and control characters, and not too long.
fn shown(text: &[u8]) -> String {
    let text = text::decode(&text::without_styles(text)).replace(char::is_control, "");
    text.trim().chars().take(MAX_TEXT).collect()
}

/// Text as MacRoman, without control characters, and not too long.
fn written(text: &str) -> Vec<u8> {
    let plain = text.chars().filter(|c| !c.is_control());
    text::encode(&plain.take(MAX_TEXT).collect::<String>())
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gathered() -> Description {
        let names = Names {
            build: b"Aleph One 1.11".to_vec(),
            protocol: NETWORK_PROTOCOL.into(),
            scenario: b"Marathon Infinity".to_vec(),
            scenario_version: b"1.0".to_vec(),
            ..Names::default()
        };
        Description {
            game_type: 3,
            players: 2,
            extension: Extension::new(&names, None),
            name: b"|bDusty|p's Game \xa5".to_vec(),
            map: b"Waldo World".to_vec(),
            ..Description::default()
        }
    }

    #[test]
    fn a_game_is_published_with_what_players_look_for() {
        let raw = gathered().encode();
        let facts = GameFacts {
            started: true,
            seconds_left: Some(90),
            gatherer: b"|iGuest|p Dusty".to_vec(),
        };
        let info = server_info(&raw, &gathered(), facts);
        assert_eq!(info.name, "Dusty's Game •");
        assert_eq!(info.map.as_deref(), Some("Waldo World"));
        assert_eq!(info.mode.as_deref(), Some("king of the hill"));
        assert_eq!((info.players, info.max_players), (Some(2), Some(8)));
        assert_eq!(
            (info.started, info.time_left_seconds),
            (Some(true), Some(90))
        );
        assert_eq!(info.version.as_deref(), Some("Aleph One 1.11"));
        assert_eq!(info.mods[0].name, "Marathon Infinity");
        assert_eq!(info.legacy.as_ref().unwrap()["gatherer"], "Guest Dusty");
        assert_eq!(description(&info), Some(raw), "the way back is exact");
        assert_eq!(info.password, Some(false));
        for (status, started) in [(0, false), (CLOSED, false), (RUNNING, true)] {
            let game = Description {
                status,
                ..gathered()
            };
            let info = server_info(&game.encode(), &game, GameFacts::default());
            assert_eq!(info.started, Some(started), "{status}");
        }
    }

    #[test]
    fn a_nameless_game_is_called_after_its_gatherer() {
        let game = Description::default();
        let named = |gatherer: &[u8]| {
            let gatherer = gatherer.to_vec();
            let facts = GameFacts {
                gatherer,
                ..GameFacts::default()
            };
            server_info(&game.encode(), &game, facts).name
        };
        assert_eq!(named(b"|iGuest|p Dusty"), "Guest Dusty's Game");
        assert_eq!(named(b"|b|p"), "a game");
    }

    #[test]
    fn a_custom_game_is_called_after_its_script() {
        let table = [
            (8, "Survival_Mode.lua", "Survival Mode"),
            (8, "", "custom"),
            (9, "x", "custom"),
        ];
        for (game_type, script, expected) in table {
            assert_eq!(mode(game_type, script), expected);
        }
    }

    #[test]
    fn a_native_server_becomes_a_game() {
        let info = ServerInfo {
            map: Some("Waldo \u{4e16}".to_owned()),
            mode: Some("tag".to_owned()),
            players: Some(3),
            max_players: Some(16),
            version: Some("1.11".to_owned()),
            time_left_seconds: Some(60),
            ..ServerInfo::new("Größe\n")
        };
        let game = Description::parse(&description(&info).unwrap()).unwrap();
        assert_eq!(game.name, b"Gr\x9a\xa7e");
        assert_eq!(game.map, b"Waldo ?");
        assert_eq!((game.game_type, game.players, game.max_players), (7, 3, 16));
        assert_eq!((game.time_limit_ticks, game.status), (1_800, 0));
        assert_eq!(game.max_teams, 16);
        let ticks = |time_left_seconds| {
            let info = ServerInfo {
                time_left_seconds,
                ..info.clone()
            };
            let game = Description::parse(&description(&info).unwrap()).unwrap();
            game.time_limit_ticks
        };
        assert_eq!(ticks(Some(604_799)), 18_143_970);
        assert_eq!([Some(604_800), None].map(ticks), [-1, -1], "no limit");
        let names = game.extension.names().unwrap();
        assert_eq!(names.protocol, NETWORK_PROTOCOL.as_bytes());
        assert_eq!((names.build, names.scenario_id), (b"1.11".to_vec(), vec![]));
    }

    #[test]
    fn whoever_cannot_join_sees_a_closed_game() {
        let open = ServerInfo {
            players: Some(3),
            max_players: Some(8),
            started: Some(false),
            ..ServerInfo::new("x")
        };
        let status = |info: ServerInfo| built(&info, b"x".to_vec()).status;
        let started = Some(true);
        assert_eq!(status(open.clone()), 0);
        assert_eq!(
            status(ServerInfo {
                started,
                ..open.clone()
            }),
            CLOSED | RUNNING
        );
        assert_eq!(
            status(ServerInfo {
                players: Some(8),
                ..open.clone()
            }),
            CLOSED
        );
        assert_eq!(
            status(ServerInfo {
                password: Some(true),
                ..open
            }),
            CLOSED
        );
    }

    #[test]
    fn a_forged_description_is_not_shown() {
        for legacy in [
            json!({ "protocol": "myth", "description": "not base64" }),
            json!({ "protocol": "myth", "description": BASE64.encode([0; 569]) }),
            json!({ "protocol": "myth", "description": 5 }),
            json!({ "protocol": "vcmi", "description": BASE64.encode(gathered().encode()) }),
            json!(["myth"]),
        ] {
            let info = ServerInfo {
                legacy: Some(legacy),
                ..ServerInfo::new("mine")
            };
            let game = Description::parse(&description(&info).unwrap()).unwrap();
            assert_eq!(game.name, b"mine");
        }
    }

    #[test]
    fn a_description_that_is_brought_along_may_be_as_long_as_any() {
        let shown = |extra| {
            let mut game = gathered();
            let fixed = game.encode().len() - game.name.len();
            game.name = vec![b'x'; MAX_BYTES - fixed + extra];
            let legacy =
                json!({ "protocol": PROTOCOL, "description": BASE64.encode(game.encode()) });
            let info = ServerInfo {
                legacy: Some(legacy),
                ..ServerInfo::new("mine")
            };
            description(&info).unwrap().len()
        };
        assert_eq!(shown(0), MAX_BYTES);
        assert!(shown(1) < MAX_BYTES, "it is made anew");
    }

    #[test]
    fn nothing_is_shown_of_a_server_without_a_name() {
        assert_eq!(description(&ServerInfo::new("\n")), None);
    }

    #[test]
    fn the_longest_record_fits_into_a_heartbeat() {
        let mut game = gathered();
        game.name = vec![b'"'; 4_000];
        game.map = vec![b'"'; 4_000];
        for raw in [game.encode(), vec![0xff; MAX_PUBLISHED_BYTES]] {
            let facts = GameFacts {
                gatherer: vec![0xf0; 500],
                ..GameFacts::default()
            };
            let size = server_info(&raw, &game, facts).to_json().len();
            assert!(size <= 8 * 1024, "{size}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_listed_natively_can_be_read_by_aleph_one(
            name: String, map: Option<String>, mode: Option<String>, version: Option<String>,
            players: Option<u32>, max_players: Option<u32>, time_left_seconds: Option<u32>,
        ) {
            let info = ServerInfo {
                map, mode, version, players, max_players, time_left_seconds, ..ServerInfo::new(name)
            };
            if let Some(bytes) = description(&info) {
                prop_assert!(Description::parse(&bytes).is_ok());
            }
        }

        #[test]
        fn any_text_is_shown_without_control_characters(text: Vec<u8>) {
            prop_assert!(!shown(&text).chars().any(char::is_control));
        }
    }
}

//! Tests of the module above.

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
fn a_game_is_published_with_all_its_details() {
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
fn a_game_that_cannot_be_joined_is_shown_as_closed() {
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
fn a_published_description_may_have_the_maximum_length() {
    let shown = |extra| {
        let mut game = gathered();
        let fixed = game.encode().len() - game.name.len();
        game.name = vec![b'x'; MAX_BYTES - fixed + extra];
        let legacy = json!({ "protocol": PROTOCOL, "description": BASE64.encode(game.encode()) });
        let info = ServerInfo {
            legacy: Some(legacy),
            ..ServerInfo::new("mine")
        };
        description(&info).unwrap().len()
    };
    assert_eq!(shown(0), MAX_BYTES);
    assert!(shown(1) < MAX_BYTES, "it is made from the fields");
}

#[test]
fn a_server_without_a_name_is_not_shown() {
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
    fn aleph_one_can_read_every_native_server(
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

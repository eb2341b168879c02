use super::*;
use crate::command_line::CommandLine;
use clap::Parser;
use serde_json::json;

/// The servers in this file with these flags, or all mistakes. `FILE` stands for the file.
fn read(flags: &[&str], file: &str) -> Result<Vec<Server>, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    std::fs::write(&path, file).unwrap();
    let line = CommandLine::try_parse_from([&["metaserve-agent"], flags].concat()).unwrap();
    let settled = line.settings.with_file(&path).settle();
    let shown = path.display().to_string();
    match settled {
        Ok(settled) => Ok(settled.settings.servers()),
        Err(mistakes) => Err(mistakes
            .iter()
            .map(|it| it.to_string().replace(&shown, "FILE"))
            .collect()),
    }
}

/// What readers see.
fn published(overrides: &Overrides, info: metaserve::ServerInfo) -> metaserve::ServerInfo {
    let published = overrides.publish(info);
    assert_eq!(published.left_out, [""; 0]);
    metaserve::ServerInfo::from_json(&published.heartbeat).unwrap()
}

#[test]
fn one_server_needs_no_file() {
    let flags = [
        "--server",
        "quake3://127.0.0.1:27960",
        "--game",
        "openarena",
    ];
    let servers = read(&flags, "").unwrap();
    let [server] = &servers[..] else {
        panic!("{servers:?}")
    };
    assert_eq!(server.name, "openarena@27960");
    assert_eq!((server.game.as_str(), server.port), ("openarena", 27960));
    assert_eq!(server.interval, Duration::from_secs(5));
    assert_eq!(
        server.query.as_ref().map(ToString::to_string).as_deref(),
        Some("quake3://127.0.0.1:27960")
    );
}

#[test]
fn each_server_of_a_file_is_a_table() {
    let file = r#"
        push = "127.0.0.1:8081"
        interval = "7s"
        game = "openarena"

        [[server]]
        name = "arena"
        query = "quake3://[::1]:27960"
        port = 27961
        interval = "2s"
        override = { name = "Dusty's \"Arena\"", mods = [{ name = "ctf" }] }

        [[server]]
        game = "my-game"
        port = 7777
        [server.override]
        region = "eu"
        motd = "welcome\n"
    "#;
    let servers = read(&[], file).unwrap();
    let [asked, pushed] = &servers[..] else {
        panic!("{servers:?}")
    };
    assert_eq!((&*asked.name, asked.port), ("arena", 27961));
    assert_eq!(asked.game.as_str(), "openarena");
    assert_eq!(asked.interval, Duration::from_secs(2));
    let shown = published(&asked.overrides, metaserve::ServerInfo::new("q3"));
    assert_eq!(shown.name, "Dusty's \"Arena\"");
    assert_eq!(shown.mods, [metaserve::Mod::new("ctf")]);
    assert_eq!((&*pushed.name, &pushed.query), ("my-game@7777", &None));
    assert_eq!(pushed.interval, Duration::from_secs(7));
    let shown = published(&pushed.overrides, metaserve::ServerInfo::new("mine"));
    assert_eq!(shown.region.as_deref(), Some("eu"));
    assert_eq!(shown.other["motd"], json!("welcome\n"));
}

#[test]
fn every_mistake_in_a_server_is_named_with_its_line() {
    let file = "\
game = 'openarena'
[[server]]
query = 'quake3://127.0.0.1:1'
prot = 5
[[server]]
name = '../up'
query = 'quake3://127.0.0.1:2'
[[server]]
query = 'quake3://127.0.0.1:3'
interval = '1ms'
[[server]]
query = 'quake3://127.0.0.1:4'
port = '27960'
[[server]]
query = 'quake3://127.0.0.1:5'
[server.override]
players = 'many'
";
    let mistakes = read(&[], file).unwrap_err();
    let expected = [
        "FILE, line 4: `server`: `prot` is not a setting of a server: these are name, query, ",
        "FILE, line 6: `server`: `name`: \"../up\" cannot be the name of a directory",
        "FILE, line 10: `server`: `interval`: 1ms is out of range: choose 1s to 10m",
        "FILE, line 13: `server`: `port`: write a number from 1 to 65535, without quotes",
        "FILE, line 16: `server`: `override`: `players` has the wrong type, or is too long",
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "{mistake}\n{expected}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let arena = "[[server]]\nname = 'arena'\ngame = 'a'\nquery = 'quake3://127.0.0.1:1'\n";
    let twice = arena.repeat(2);
    let same = format!("{arena}{}", arena.replace("name = 'arena'\n", ""));
    let ca = ["--ca", "ca.pem", "--fingerprint", &"ab".repeat(32)];
    for (flags, file, expected) in [
        (&[][..], "", "there is nothing to publish"),
        (&[], &*twice, "two servers have the name arena"),
        (
            &[],
            &same,
            "the servers arena and a@1 have the same game and port",
        ),
        (
            &[],
            "[[server]]\nquery = 'quake3://127.0.0.1:1'",
            "has no game",
        ),
        (&[], "[[server]]\ngame = 'a'", "neither `query` nor `port`"),
        (
            &[],
            "[[server]]\ngame = 'a'\nport = 1",
            "a@1 has no `query`, and games cannot tell",
        ),
        (
            &["--push", "192.0.2.1:8081"],
            "",
            "can be reached from other machines",
        ),
        (
            &["--push", "[::]:8081"],
            "",
            "can be reached from other machines",
        ),
        (&ca, arena, "two ways to verify the daemon"),
    ] {
        let mistakes = read(flags, file).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(expected), "{mistakes:?}");
    }
    for push in ["127.0.0.1:8081", "[::1]:8081", "127.8.8.8:1"] {
        read(&["--push", push], "").unwrap();
    }
}

#[test]
fn a_server_without_a_name_is_called_by_its_game_and_port_in_a_file_name() {
    let name = |game: &str| Server::pushed_name(&game.parse().unwrap(), 1);
    assert_eq!(name("openarena"), "openarena@1");
    assert_eq!(name("my game/é%"), "my%20game%2F%C3%A9%25@1");
    assert_eq!(name(".."), "%2E.@1");
    assert_ne!(name("a@1"), name("a%401"));
}

#[test]
fn an_override_is_a_record_that_readers_accept() {
    let check = |fields: serde_json::Value| {
        let serde_json::Value::Object(fields) = fields else {
            panic!("{fields}")
        };
        Overrides::new(fields).map(drop)
    };
    for fine in [
        json!({}),
        json!({ "name": "Dusty's", "players": 3, "password": false }),
        json!({ "mods": [{ "name": "ctf", "version": "1" }], "tags": ["a"] }),
        json!({ "my-own": { "a": [1, 2] }, "website": "https://example.org" }),
    ] {
        assert_eq!(check(fine.clone()), Ok(()), "{fine}");
    }
    for (field, value) in [
        ("players", json!("3")),
        ("name", json!("x".repeat(129))),
        ("name", json!("")),
        ("website", json!("ftp://example.org")),
        ("mods", json!([{ "version": "1" }])),
    ] {
        let problem = check(json!({ field: value })).unwrap_err();
        assert!(problem.starts_with(&format!("`{field}` has")), "{problem}");
    }
    let problem = check(json!({ "max-players": 5 })).unwrap_err();
    assert_eq!(problem, "`max-players`: write `max_players`");
}

#[test]
fn a_heartbeat_that_is_no_record_is_published_as_it_is() {
    let fields = serde_json::Map::from_iter([("name".to_owned(), json!("Dusty's"))]);
    let overrides = Overrides::new(fields).unwrap();
    let bytes = bytes::Bytes::from_static(b"\x01\x02");
    assert_eq!(overrides.apply(bytes.clone()).heartbeat, bytes);
    let record = bytes::Bytes::from_static(b"{\"name\":\"q3\",\"players\":1}");
    assert_eq!(
        overrides.apply(record).heartbeat,
        &b"{\"name\":\"Dusty's\",\"players\":1}"[..]
    );
}

/// The daemon leaves out a longer heartbeat, so that the server was not on the list.
#[test]
fn what_is_published_fits_whatever_is_overridden_and_says_what_was_left_out() {
    use metaserve::{Player, ServerInfo};
    let overrides = |fields| match fields {
        serde_json::Value::Object(fields) => Overrides::new(fields),
        other => panic!("{other}"),
    };
    // The most that can be overridden, with the longest name that a server can have.
    let long = overrides(json!({ "motd": "x".repeat(7157) })).unwrap();
    let problem = overrides(json!({ "motd": "x".repeat(7158) })).unwrap_err();
    assert!(problem.contains("shorten it to 7168"), "{problem}");
    let named = published(&long, ServerInfo::new("\u{1}".repeat(128)));
    assert_eq!(named.name, "\u{1}".repeat(128));

    // A push of the longest kind, with fields of its own that no reader knows.
    let record =
        json!({ "name": "a", "map": "dm1", "own": "y".repeat(7000), "more": "z".repeat(1000) });
    let record = serde_json::to_vec(&record).unwrap();
    assert!((8000..=8192).contains(&record.len()));
    let both = overrides(json!({ "motd": "x".repeat(2000) })).unwrap();
    let published = both.apply(record.into());
    assert_eq!(published.left_out, ["own"]);
    let info = ServerInfo::from_json(&published.heartbeat).unwrap();
    assert!(published.heartbeat.len() <= 8192);
    assert_eq!(info.other["motd"], "x".repeat(2000));
    assert_eq!(
        (info.map.as_deref(), &info.other["more"]),
        (Some("dm1"), &json!("z".repeat(1000)))
    );

    // The answer to a query: its players give way to what the operator writes, in full.
    let answer = ServerInfo {
        player_list: vec![Player::new("p".repeat(90)); 64],
        description: Some("said".into()),
        ..ServerInfo::new("a")
    };
    let written = "d".repeat(1000);
    let both = overrides(json!({ "description": written, "motd": "x".repeat(5000) })).unwrap();
    let published = both.publish(answer);
    assert_eq!(published.left_out, ["player_list"]);
    assert!(published.heartbeat.len() <= 8192);
    let info = ServerInfo::from_json(&published.heartbeat).unwrap();
    assert_eq!(info.description, Some(written));
    assert!(!info.player_list.is_empty());
}

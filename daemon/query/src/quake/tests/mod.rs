//! What the list shows of real answers.

mod properties;

use super::*;
use crate::dialogue::Heard;
use fastrand::Rng;
use metaserve::ServerInfo;

const STATUS: &[u8] = b"\xff\xff\xff\xffstatusResponse\n";

/// A status with these settings, and lines of players.
fn status(settings: &[(&str, &str)], people: &str) -> Vec<u8> {
    let settings = settings.iter();
    let settings = settings.map(|(key, value)| format!("\\{key}\\{value}"));
    let text = format!("{}\n{people}", settings.collect::<String>());
    [STATUS, text.as_bytes()].concat()
}

fn told(settings: &[(&str, &str)], people: &str) -> ServerInfo {
    let datagram = status(settings, people);
    status_response(&datagram).unwrap().server_info()
}

fn names(info: &ServerInfo) -> Vec<(&str, Option<i64>)> {
    let people = info.player_list.iter();
    people.map(|it| (&*it.name, it.score)).collect()
}

/// What is known after these datagrams.
fn heard(dialogue: &mut dyn Dialogue, datagrams: &[&[u8]]) -> Option<ServerInfo> {
    dialogue.open();
    for datagram in datagrams {
        if let Heard::Done(info) = dialogue.hear(datagram).unwrap() {
            return Some(*info);
        }
    }
    dialogue.settle().map(|info| *info)
}

fn asked(protocol: Protocol, datagrams: &[&[u8]]) -> ServerInfo {
    let mut dialogue = dialogue(protocol, Rng::with_seed(7));
    heard(&mut *dialogue, datagrams).unwrap()
}

/// What servers answered to the challenge `abc`.
fn recorded(datagrams: &[&[u8]]) -> Option<ServerInfo> {
    heard(&mut ask::Quake3::with("abc".into()), datagrams)
}

const OPENARENA: &[u8] = include_bytes!("../../../samples/openarena-status.bin");
const OPENARENA_INFO: &[u8] = include_bytes!("../../../samples/openarena-info.bin");
const NEXUIZ: &[u8] = include_bytes!("../../../samples/nexuiz-status.bin");
const LONG: &[u8] = include_bytes!("../../../samples/quake3-1051-bytes.bin");
const LATIN1: &[u8] = include_bytes!("../../../samples/quake3-latin1.bin");

/// OpenArena 0.8.8, with three bots, of which two sit in the two private slots.
#[test]
fn a_recorded_openarena_server_is_described_in_words() {
    let info = recorded(&[OPENARENA, OPENARENA_INFO]).unwrap();
    let expected = ServerInfo {
        map: Some("oa_dm1".into()),
        mode: Some("deathmatch".into()),
        players: Some(0),
        max_players: Some(9),
        password: Some(false),
        version: Some("ioq3 1.36+u20221123.70d07d9+dfsg-1/Debian linux-x86_64 Jan  8 2023".into()),
        ..ServerInfo::new("Dusty's Café")
    };
    assert_eq!(info, expected);
    // The same without the second answer.
    assert_eq!(recorded(&[OPENARENA]), Some(expected));
}

/// Nexuiz 2.5.2 with `DarkPlaces` of 2018.
#[test]
fn a_recorded_nexuiz_server_is_described_in_words() {
    let expected = ServerInfo {
        map: Some("skyway".into()),
        mode: Some("deathmatch".into()),
        players: Some(0),
        max_players: Some(6),
        version: Some("2.5.2".into()),
        ..ServerInfo::new("Dusty Nex")
    };
    assert_eq!(recorded(&[NEXUIZ]), Some(expected));
}

/// A server of a real list, whose settings fill what the engine allows.
#[test]
fn a_status_of_more_than_a_kilobyte_is_read_to_its_end() {
    let info = recorded(&[LONG]).unwrap();
    assert_eq!(info.name, "Long Info Arena");
    assert_eq!(info.map.as_deref(), Some("oa_dm1"));
    assert_eq!(info.occupancy().as_deref(), Some("1/8"));
}

/// An operator who typed the name in Latin-1 once found the server missing from the list.
#[test]
fn a_name_that_is_not_utf8_is_read() {
    let info = recorded(&[LATIN1]).unwrap();
    assert_eq!(info.name, "Café Zürich");
}

#[test]
fn a_game_type_is_told_in_words() {
    let mode = |settings: &[(&str, &str)]| told(settings, "").mode;
    let table = [
        ("baseoa", "4", "capture the flag"),
        ("baseoa", "8", "elimination"),
        ("baseq3", "99", "type 99"),
        ("q3ut4", "8", "bomb"),
        ("etmain", "3", "stopwatch"),
        ("wolfmp", "5", "objective"),
        // A modification is named instead of its modes.
        ("osp", "7", "osp"),
        // Call of Duty has words.
        ("main", "sd", "sd"),
    ];
    for (game, number, name) in table {
        let settings = [("gamename", game), ("g_gametype", number)];
        assert_eq!(mode(&settings).as_deref(), Some(name), "{settings:?}");
    }
    assert_eq!(mode(&[("sv_hostname", "a")]), None);
    let et = [
        ("version", "ET Legacy v2.80"),
        ("gamename", "mod"),
        ("g_gametype", "4"),
    ];
    assert_eq!(mode(&et).as_deref(), Some("campaign"));
}

#[test]
fn each_game_has_its_own_colours() {
    let table = [
        ("gamename", "baseq3", "a^_^"),
        ("version", "ET 2.60b", "a^"),
        ("gamename", "Warsow", "^ca^_^"),
        ("version", "Unvanquished 0.54", "a^_^"),
    ];
    for (key, value, name) in table {
        let info = told(&[(key, value), ("sv_hostname", "^ca^_^")], "");
        assert_eq!(info.name, name, "{value}");
    }
    let darkplaces = [
        ("gameversion", "20000"),
        ("modname", "data"),
        ("hostname", "^xfffa^^^1"),
    ];
    assert_eq!(told(&darkplaces, "").name, "a^");
}

#[test]
fn people_are_named_and_bots_are_not() {
    let people = "3 48 \"^1Ana\"\n-1 0 \"Gargoyle\"\n0 120 \"two words\"\n";
    let info = told(&[("mapname", "oa_dm1"), ("sv_maxclients", "8")], people);
    assert_eq!(names(&info), [("Ana", Some(3)), ("two words", Some(0))]);
    assert_eq!(info.players, Some(2));
}

/// What `getinfo` is answered, with a challenge of nobody.
fn short(humans: u32) -> Vec<u8> {
    let text = format!("infoResponse\n\\g_humanplayers\\{humans}\\clients\\3\\sv_maxclients\\6");
    [b"\xff\xff\xff\xff", text.as_bytes()].concat()
}

#[test]
fn people_without_a_ping_are_counted_by_the_engine() {
    let people = "3 48 \"Ana\"\n-1 0 \"Bo\"\n0 0 \"Cy\"\n";
    let full = status(
        &[("sv_maxclients", "8"), ("sv_privateClients", "2")],
        people,
    );
    let counted = |humans| {
        let info = recorded(&[&full, &short(humans)]).unwrap();
        (info.players, info.max_players, info.player_list.len())
    };
    assert_eq!(counted(3), (Some(3), Some(6), 3));
    assert_eq!(counted(1), (Some(1), Some(6), 1));
    // Without the second answer, whoever has no ping is a bot.
    let info = recorded(&[&full]).unwrap();
    assert_eq!((info.players, info.max_players), (Some(1), Some(6)));
}

/// Bots are in private slots first, which some engines leave out of `clients`.
#[test]
fn each_engine_counts_its_people_in_its_own_way() {
    let lines = |people, bots| "0 40 \"Ana\"\n".repeat(people) + &"0 0 \"Bo\"\n".repeat(bots);
    let table: [(&str, usize, usize, &str, u32); 5] = [
        // Unvanquished: people alone, and the bots beside them.
        ("Unvanquished 0.54", 3, 5, "\\clients\\3\\bots\\5", 3),
        // Urban Terror: both from the private slots on.
        ("ioq3-urt", 3, 4, "\\clients\\3\\bots\\0", 3),
        ("ioq3-urt", 3, 4, "\\clients\\5\\bots\\2", 3),
        // ET: Legacy names the people.
        ("ET Legacy", 3, 4, "\\clients\\7\\humans\\3", 3),
        // Quake III 1.32 says neither.
        ("Q3 1.32", 3, 4, "\\clients\\3", 3),
    ];
    for (version, people, bots, counts, players) in table {
        let settings = [("version", version), ("sv_privateClients", "4")];
        let full = status(&settings, &lines(people, bots));
        let short = format!("infoResponse\n\\sv_maxclients\\20{counts}");
        let short = [b"\xff\xff\xff\xff", short.as_bytes()].concat();
        let info = recorded(&[&full, &short]).unwrap();
        assert_eq!(info.players, Some(players), "{version} {counts}");
    }
}

/// A setting is spelled as whoever sets it first does: the command line, for one.
#[test]
fn keys_are_found_in_any_case() {
    let settings = [
        ("sv_hostName", "Dusty's"),
        ("sv_maxClients", "12"),
        ("sv_privateclients", "2"),
        ("g_needPass", "1"),
    ];
    let info = told(&settings, "");
    assert_eq!((&*info.name, info.max_players), ("Dusty's", Some(10)));
    assert_eq!(info.password, Some(true));
}

#[test]
fn the_engine_is_asked_only_where_pings_leave_a_doubt() {
    let mut dialogue = ask::Quake3::with("abc".into());
    assert_eq!(dialogue.open(), b"\xff\xff\xff\xffgetstatus abc");
    let bot = status(&[("mapname", "a")], "0 0 \"Bo\"\n");
    let next = dialogue.hear(&bot).unwrap();
    assert_eq!(next, Heard::Say(b"\xff\xff\xff\xffgetinfo abc".to_vec()));
    // The answer to a request that was repeated.
    assert_eq!(dialogue.hear(&bot).unwrap(), Heard::More);
    for settings in [
        &[("bots", "1"), ("clients", "2")][..],
        &[("g_humanplayers", "1")],
    ] {
        let bot = status(settings, "0 0 \"Bo\"\n0 40 \"Ana\"\n");
        let info = recorded(&[&bot]).unwrap();
        assert_eq!((info.players, info.player_list.len()), (Some(1), 1));
    }
}

#[test]
fn an_answer_with_another_challenge_is_not_heard() {
    let mut dialogue = ask::Quake3::with("abc".into());
    let other = status(&[("challenge", "xyz"), ("sv_hostname", "Mallory")], "");
    assert_eq!(dialogue.hear(&other).unwrap(), Heard::More);
    let ours = status(&[("challenge", "abc")], "");
    assert!(matches!(dialogue.hear(&ours), Ok(Heard::Done(_))));
    // What is no answer at all.
    for text in [
        "print\nyou are banned",
        "disconnect",
        "",
        "infoResponse\n\\a\\b",
    ] {
        let datagram = [b"\xff\xff\xff\xff", text.as_bytes()].concat();
        let mut dialogue = ask::Quake3::with("abc".into());
        assert_eq!(dialogue.hear(&datagram).unwrap(), Heard::More, "{text}");
    }
    let challenge = |seed| ask::Quake3::new(Rng::with_seed(seed)).open();
    assert_ne!(challenge(1), challenge(2));
}

#[test]
fn an_answer_without_settings_is_reported() {
    let mut dialogue = ask::Quake3::with("abc".into());
    let error = dialogue.hear(STATUS).unwrap_err().to_string();
    assert!(error.contains("no settings"), "{error}");
}

#[test]
fn a_server_can_have_a_website() {
    let website = |key, text| told(&[(key, text)], "").fit(usize::MAX).website;
    let url = "https://dustys.example.org";
    for key in ["URL", ".Website", "website", "_url"] {
        assert_eq!(website(key, url).as_deref(), Some(url), "{key}");
    }
    assert_eq!(website("URL", "ask me"), None);
    assert_eq!(website("sv_url", url), None);
    assert_eq!(website("_", url), None);
}

#[test]
fn a_password_is_known_by_its_names() {
    let table = [
        ("g_needpass", "1", Some(true)),
        ("g_needpass", "0", Some(false)),
        ("pswrd", "1", Some(true)),
        // For spectators only.
        ("needpass", "2", Some(false)),
        ("needpass", "3", Some(true)),
        ("g_needpass", "maybe", None),
        ("other", "1", None),
    ];
    for (key, value, password) in table {
        assert_eq!(
            told(&[(key, value)], "").password,
            password,
            "{key} {value}"
        );
    }
}

#[test]
fn a_modification_is_a_mod() {
    let mods = |key, dir| told(&[(key, dir)], "").mods;
    assert_eq!(
        mods("fs_game", "mods/hardcore"),
        [metaserve::Mod::new("mods/hardcore")]
    );
    assert_eq!(mods("fs_game", "baseoa"), []);
}

#[test]
fn players_of_xonotic_are_in_teams() {
    let settings = [
        ("gamename", "Xonotic"),
        ("modname", "data"),
        ("gameversion", "806"),
        ("clients", "3"),
        ("bots", "1"),
        ("qcstatus", "ctf:0.8.6:P60:S5:F13:MXonotic::score!!"),
    ];
    let people = "5 40 5 \"^xf00Ana\"\n1 0 14 \"[BOT]Bo\"\n-666 30 -1 \"Cy\"\n";
    let info = told(&settings, people);
    assert_eq!(
        (info.players, info.mode.as_deref()),
        (Some(2), Some("capture the flag"))
    );
    assert_eq!(info.version.as_deref(), Some("0.8.6"));
    let people: Vec<_> = info
        .player_list
        .iter()
        .map(|it| (&*it.name, it.team.as_deref()))
        .collect();
    assert_eq!(people, [("Ana", Some("red")), ("Cy", None)]);
}

#[test]
fn quakeworld_has_teams_and_spectators() {
    let one = b"\xff\xff\xff\xffn\\hostname\\\xcf\xec\xe4 &cf00Quake&r\\map\\e1m1\\maxclients\\8\
        \\needpass\\2\\*version\\MVDSV 0.35\\*gamedir\\ktx\\teamplay\\2\\deathmatch\\3\n\
        1 5 3 40 \"\x10A\x11na\" \"base\" 4 4 \"red\"\n2 S 9 -60 \"Bo\" \"\" 0 0 \"\"\n\
        3 -9 1 30 \"\\s\\Cy\" \"\" 0 0\n\0";
    let info = asked(Protocol::Quake1, &[one]);
    let expected = ServerInfo {
        map: Some("e1m1".into()),
        mode: Some("team deathmatch".into()),
        players: Some(1),
        max_players: Some(8),
        password: Some(false),
        version: Some("MVDSV 0.35".into()),
        mods: vec![metaserve::Mod::new("ktx")],
        player_list: vec![metaserve::Player {
            score: Some(5),
            team: Some("red".into()),
            ..metaserve::Player::new("[A]na")
        }],
        ..ServerInfo::new("Old Quake")
    };
    assert_eq!(info, expected);
}

#[test]
fn quake2_servers_are_described_in_words() {
    let two = b"\xff\xff\xff\xffprint\n\\hostname\\old\\mapname\\q2dm1\\maxclients\\8\
        \\version\\R1Q2 b7904\\gamename\\baseq2\\deathmatch\\1\\game\\lithium\n5 0 \"\xc1na\"\n";
    let info = asked(Protocol::Quake2, &[two]);
    assert_eq!(
        (info.map.as_deref(), info.mode.as_deref()),
        (Some("q2dm1"), Some("deathmatch"))
    );
    assert_eq!(
        (info.occupancy().as_deref(), names(&info)),
        (Some("1/8"), vec![("Ana", Some(5))])
    );
    assert_eq!(info.mods, [metaserve::Mod::new("lithium")]);
    let arena = b"\xff\xff\xff\xffprint\n\\hostname\\^1Alien ^7Arena\\gamename\\data1\n";
    assert_eq!(asked(Protocol::Quake2, &[arena]).name, "Alien Arena");
}

#[test]
fn an_info_response_has_enough_for_a_list() {
    let answer = info_response(OPENARENA_INFO).unwrap();
    assert_eq!(answer.get("challenge"), Some(&b"abc"[..]));
    assert_eq!(answer.get("Challenge"), Some(&b"abc"[..]));
    let info = answer.server_info();
    assert_eq!(info.name, "Dusty's Café");
    assert_eq!(info.occupancy().as_deref(), Some("0/9"));
    assert_eq!(info.mode.as_deref(), Some("deathmatch"));
    assert!(info_response(OPENARENA).is_err());
}

#[test]
fn odd_settings_are_tolerated() {
    // The first of a repeated key counts, a key without a value is none, numbers can be junk.
    let text = b"\\sv_hostname\\a\\sv_hostname\\b\\sv_maxclients\\-3\\clients\\x\\\\\\lonely";
    let datagram = [STATUS, text].concat();
    let info = status_response(&datagram).unwrap().server_info();
    assert_eq!(
        (&*info.name, info.occupancy().as_deref()),
        ("a", Some("0/0"))
    );
}

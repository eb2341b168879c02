//! What the list shows of real answers.

mod descendants;
mod people;
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

/// In some engines every setting is a number with a point.
#[test]
fn numbers_are_read_as_the_engines_read_them() {
    let settings = [("sv_maxclients", "8.0"), ("g_needpass", "1.000000")];
    let info = told(&settings, "");
    assert_eq!((info.max_players, info.password), (Some(8), Some(true)));
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

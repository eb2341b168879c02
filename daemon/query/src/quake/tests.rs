//! What the list shows of real answers.

use super::*;
use crate::dialogue::Heard;
use metaserve::ServerInfo;

fn told(text: &str) -> ServerInfo {
    let datagram = format!("\u{1}{text}").into_bytes();
    let datagram = [b"\xff\xff\xff\xff", &datagram[1..]].concat();
    status_response(&datagram).unwrap().server_info()
}

fn quake3(settings: &[(&str, &str)]) -> ServerInfo {
    let settings = settings
        .iter()
        .map(|(key, value)| format!("\\{key}\\{value}"));
    told(&format!(
        "statusResponse\n{}\n",
        settings.collect::<String>()
    ))
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

fn asked(protocol: Protocol, datagrams: &[&[u8]]) -> Option<ServerInfo> {
    heard(&mut *dialogue(protocol, Rng::with_seed(7)), datagrams)
}

#[test]
fn an_openarena_server_is_described_in_words() {
    let info = quake3(&[
        ("sv_hostname", "^1Dusty's ^7Arena"),
        ("mapname", "oa_dm1"),
        ("sv_maxclients", "11"),
        ("version", "ioq3 1.36"),
        ("gamename", "baseoa"),
        ("g_gametype", "4"),
        ("g_needpass", "0"),
    ]);
    let expected = ServerInfo {
        map: Some("oa_dm1".into()),
        mode: Some("capture the flag".into()),
        players: Some(0),
        max_players: Some(11),
        password: Some(false),
        version: Some("ioq3 1.36".into()),
        ..ServerInfo::new("Dusty's Arena")
    };
    assert_eq!(info, expected);
}

#[test]
fn a_modification_is_named_instead_of_its_modes() {
    let info = quake3(&[
        ("gamename", "osp"),
        ("g_gametype", "7"),
        ("g_needpass", "1"),
    ]);
    assert_eq!(
        (info.mode.as_deref(), info.password),
        (Some("osp"), Some(true))
    );
    assert_eq!(quake3(&[("sv_hostname", "a")]).mode, None);
}

#[test]
fn people_are_named_and_bots_are_not() {
    let status = "statusResponse\n\\mapname\\oa_dm1\\sv_maxclients\\8\n\
        3 48 \"^1Ana\"\n-1 0 \"Gargoyle\"\n0 120 \"two words\"\n";
    let info = told(status);
    assert_eq!(names(&info), [("Ana", Some(3)), ("two words", Some(0))]);
    assert_eq!(info.players, Some(2));
}

#[test]
fn older_forms_of_answers_are_parsed() {
    let one = b"\xff\xff\xff\xffn\\hostname\\old\\map\\e1m1\n1 5 3 40 \"Ana\" \"base\" 4 4\n\0";
    let info = asked(Protocol::Quake1, &[one]).unwrap();
    assert_eq!((&*info.name, names(&info)), ("old", vec![("Ana", Some(5))]));
    let two = b"\xff\xff\xff\xffprint\n\\hostname\\old\\mapname\\q2dm1\n5 0 \"Ana\"\n";
    let info = asked(Protocol::Quake2, &[two]).unwrap();
    assert_eq!(
        (info.map.as_deref(), names(&info)),
        (Some("q2dm1"), vec![("Ana", Some(5))])
    );
}

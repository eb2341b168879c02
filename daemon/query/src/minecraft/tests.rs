//! What servers of both editions say. The statuses are those of real servers as their users have
//! reported them, where other programs failed.

use super::{bedrock::Bedrock, java::calls, *};
use crate::dialogue::{Dialogue, Heard};
use metaserve::ServerInfo;
use proptest::prelude::*;

/// A packet with a status.
fn packet(json: &str) -> Vec<u8> {
    let mut text = varint(json.len());
    text.extend(json.bytes());
    let mut packet = varint(text.len() + 1);
    packet.push(0);
    packet.extend(text);
    packet
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn read(json: &str) -> ServerInfo {
    let info = status::read(&packet(json), false).unwrap();
    *info.expect("the status is complete")
}

#[test]
fn every_reported_status_is_understood() {
    let ok = read(
        r#"{"version":{"name":"1.21","protocol":767},
            "players":{"max":20,"online":3},"description":"plain"}"#,
    );
    let expected = ServerInfo {
        players: Some(3),
        max_players: Some(20),
        version: Some("1.21".into()),
        ..ServerInfo::new("plain")
    };
    assert_eq!(ok, expected);

    let without_description = read(
        r#"{"version":{"name":"Spigot 1.20.1","protocol":763},"players":{"max":2023,"online":0}}"#,
    );
    assert_eq!(without_description.name, "");
    assert_eq!(without_description.occupancy().as_deref(), Some("0/2023"));

    let without_players = read(
        r#"{"version":{"name":"Paper 1.19.4","protocol":762},
            "description":{"text":"hidden players"}}"#,
    );
    assert_eq!(without_players.name, "hidden players");
    assert_eq!(without_players.occupancy(), None);

    let minus_one = read(
        r#"{"version":{"name":"Waterfall","protocol":-1},"players":{"max":-1,"online":0},
            "description":{"text":"minus one"}}"#,
    );
    assert_eq!(minus_one.occupancy().as_deref(), Some("0"));

    let nameless_player = read(
        r#"{"version":{"name":"1.21","protocol":767},
            "players":{"max":20,"online":1,"sample":[{"name":"","id":null}]},
            "description":"sample"}"#,
    );
    assert_eq!(
        (nameless_player.players, nameless_player.player_list),
        (Some(1), vec![])
    );

    let translated = read(
        r#"{"version":{"name":"1.18.2","protocol":758},"players":{"max":20,"online":1},
            "description":{"translate":"multiplayer.disconnect.generic"}}"#,
    );
    assert_eq!((&*translated.name, translated.players), ("", Some(1)));
}

#[test]
fn a_description_is_one_line_without_colours() {
    let table = [
        (r#""A Minecraft Server""#, "A Minecraft Server"),
        (r#""   §a§lBig\n  World ""#, "Big World"),
        (
            r#"{"text":"§lBig ","extra":[{"text":"World","color":"red"},"!"]}"#,
            "Big World!",
        ),
        (r#"["a",["b"],{"extra":["c"]}]"#, "abc"),
        (
            r#"{"translate":"x.y","fallback":"Fallen back"}"#,
            "Fallen back",
        ),
        ("null", ""),
        ("7", ""),
    ];
    for (description, name) in table {
        assert_eq!(
            read(&format!(r#"{{"description":{description}}}"#)).name,
            name
        );
    }
}

#[test]
fn people_are_named_and_lines_of_text_are_not() {
    let told = read(
        r#"{"players":{"max":5,"online":2,"sample":[
            {"name":"Ana","id":"069a79f4-44e9-4726-a5be-fca90e38aaf5"},
            {"name":"§eVisit us!","id":"00000000-0000-0000-0000-000000000000"},
            {"name":"§cBo"}, {"id":"x"}, 7]}}"#,
    );
    let names: Vec<_> = told.player_list.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Ana", "Bo"]);
}

#[test]
fn mods_that_players_need_are_named() {
    let told = read(
        r#"{"modinfo":{"type":"FML","modList":[{"modid":"FML","version":"8"},
            {"modid":"ic2","version":"2.8"}]}}"#,
    );
    let mods: Vec<_> = told
        .mods
        .iter()
        .map(|it| (&*it.name, it.version.as_deref()))
        .collect();
    assert_eq!(mods, [("ic2", Some("2.8"))]);
    let told = read(
        r#"{"forgeData":{"mods":[{"modId":"minecraft","modmarker":"1.20"},
            {"modId":"server","modmarker":"IGNORESERVERONLY"}, {"modId":"create"}, {}]}}"#,
    );
    let mods: Vec<_> = told
        .mods
        .iter()
        .map(|it| (&*it.name, it.version.as_deref()))
        .collect();
    assert_eq!(mods, [("create", None)]);
}

/// A server that leaves the connection open behind its answer was never listed.
#[test]
fn a_status_is_complete_at_its_end_and_not_before() {
    let answer = packet(r#"{"description":"done"}"#);
    for length in 0..answer.len() {
        assert_eq!(
            status::read(&answer[..length], false).unwrap(),
            None,
            "{length}"
        );
    }
    // Some proxies write every length in three bytes.
    let long = [&[answer[0] | 0x80, 0x80, 0], &answer[1..]].concat();
    assert_eq!(status::read(&long, false).unwrap().unwrap().name, "done");
    let more = [&answer[..], b"\x09\x01\0\0\0\0\0\0\0\0"].concat();
    for answer in [answer, more] {
        assert_eq!(status::read(&answer, false).unwrap().unwrap().name, "done");
    }
}

#[test]
fn what_is_no_status_is_refused_in_words() {
    let table = [
        (packet("{"), "no JSON"),
        (vec![3, 0, 9, b'{'], "cut short"),
        (vec![2, 1, 0], "no status"),
        (b"\xff\0\x03\0a\0b\0c".to_vec(), "no status"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n<html></html>........................".to_vec(),
            "no status",
        ),
    ];
    for (answer, reason) in table {
        let why = status::read(&answer, false).unwrap_err().to_string();
        assert!(why.contains(reason), "{why}");
    }
}

#[test]
fn questions_are_those_of_the_protocol() {
    let target = "minecraft://mc.example:25565".parse().unwrap();
    let [modern, legacy @ ..] = &calls(&target)[..] else {
        panic!("there is a question");
    };
    assert_eq!(
        modern.say,
        b"\x14\0\xff\xff\xff\xff\x0f\x0amc.example\x63\xdd\x01\x01\0"
    );
    let asked: Vec<_> = legacy.iter().map(|call| call.say.len()).collect();
    assert_eq!(asked, [56, 2, 1]);
    let head = b"\xfe\x01\xfa\0\x0b\0M\0C\0|\0P\0i\0n\0g\0H\0o\0s\0t\0\x1b\x4e\0\x0a\0m\0c";
    assert!(legacy[0].say.starts_with(head), "{:?}", legacy[0].say);
    assert!(legacy[0].say.ends_with(b"\0l\0e\0\0\x63\xdd"));
}

/// A server's last packet with this text.
fn kick(text: &str) -> Vec<u8> {
    let units: Vec<_> = text.encode_utf16().collect();
    let mut answer = vec![0xff];
    answer.extend((units.len() as u16).to_be_bytes());
    answer.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    answer
}

#[test]
fn older_servers_are_understood() {
    let since_1_4 = ["§1", "78", "1.6.4", "§aOld World", "3", "20"].join("\0");
    let table = [
        (&*since_1_4, "Old World", Some("1.6.4")),
        ("Older World§3§20", "Older World", None),
        ("§cRed§r World§3§20", "Red World", None),
    ];
    for (text, name, version) in table {
        let told = legacy::read(&kick(text), true).unwrap().unwrap();
        assert_eq!((&*told.name, told.version.as_deref()), (name, version));
        assert_eq!(told.occupancy().as_deref(), Some("3/20"));
    }
    let answer = kick("Older World§3§20");
    for length in 0..answer.len() {
        assert_eq!(legacy::read(&answer[..length], false).unwrap(), None);
    }
    for text in ["Protocol error", "§1\0", "a§b§c", ""] {
        legacy::read(&kick(text), true).unwrap_err();
    }
    legacy::read(b"HTTP/1.1 400", false).unwrap_err();
}

const NONCE: [u8; 8] = *b"12345678";

/// A pong with this text.
fn pong(text: &str) -> Vec<u8> {
    let question = Bedrock(NONCE).open();
    let mut answer = vec![0x1c];
    answer.extend(&question[1..9]);
    answer.extend(b"serverid");
    answer.extend(&question[9..25]);
    answer.extend((text.len() as u16).to_be_bytes());
    answer.extend(text.bytes());
    answer
}

#[test]
fn a_bedrock_server_is_described() {
    assert_eq!(Bedrock(NONCE).open().len(), 33);
    let answer = pong(
        "MCPE;§bDedicated;390;1.14.60;3;10;13253860892328930865;Bedrock level;Survival;1;19132;19133;",
    );
    let Ok(Heard::Done(told)) = Bedrock(NONCE).hear(&answer) else {
        panic!("it is complete");
    };
    let expected = ServerInfo {
        map: Some("Bedrock level".into()),
        mode: Some("Survival".into()),
        players: Some(3),
        max_players: Some(10),
        version: Some("1.14.60".into()),
        ..ServerInfo::new("Dedicated")
    };
    assert_eq!(*told, expected);
    // The shortest that servers send.
    let Ok(Heard::Done(told)) = Bedrock(NONCE).hear(&pong("MCPE;Old;1;0.9;0;5")) else {
        panic!("it is complete");
    };
    assert_eq!((&*told.name, told.map), ("Old", None));
    Bedrock(NONCE).hear(&pong("MCPE;Old;1")).unwrap_err();
    assert_eq!(Bedrock(*b"otherone").hear(&answer).unwrap(), Heard::More);
}

/// Such a name was shown up to its semicolon, and the rest was taken for the version and the numbers.
#[test]
fn semicolons_in_the_fields_of_a_bedrock_server_are_part_of_them() {
    let table = [
        (r"Mine\;craft", "Mine;craft"),
        (r"\;a\;\;b\;", ";a;;b;"),
        (r"C:\games", r"C:\games"),
    ];
    for (written, name) in table {
        let text = format!("MCPE;{written};390;1.14.60;3;10;1;{written};Survival;");
        let Ok(Heard::Done(told)) = Bedrock(NONCE).hear(&pong(&text)) else {
            panic!("it is complete");
        };
        assert_eq!((&*told.name, told.map.as_deref()), (name, Some(name)));
        assert_eq!(told.occupancy().as_deref(), Some("3/10"));
    }
}

/// A server that does not know a number says -1, and some write a whole number with a point.
#[test]
fn numbers_are_read_as_the_games_read_them() {
    let status = |max: &str| read(&format!(r#"{{"players":{{"online":3,"max":{max}}}}}"#));
    let table = [
        ("20", "3/20"),
        ("20.0", "3/20"),
        ("-1", "3"),
        ("\"x\"", "3"),
    ];
    for (max, occupancy) in table {
        assert_eq!(status(max).occupancy().as_deref(), Some(occupancy), "{max}");
    }
    let since_1_4 = ["§1", "78", "1.6.4", "World", "3", "-1"].join("\0");
    for text in [&*since_1_4, "World§3§-1"] {
        let told = legacy::read(&kick(text), true).unwrap().unwrap();
        assert_eq!(
            (&*told.name, told.occupancy().as_deref()),
            ("World", Some("3"))
        );
    }
    let Ok(Heard::Done(told)) = Bedrock(NONCE).hear(&pong("MCPE;World;1;1.0;3;-1;")) else {
        panic!("it is complete");
    };
    assert_eq!(
        (&*told.name, told.occupancy().as_deref()),
        ("World", Some("3"))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_refused(bytes: Vec<u8>, ended: bool) {
        let _ = status::read(&bytes, ended);
        let _ = status::read(&packet(&String::from_utf8_lossy(&bytes)), ended);
        let _ = legacy::read(&bytes, ended);
        let _ = legacy::read(&[b"\xff\0\x09\0\xa7\x001\0\0", &bytes[..]].concat(), ended);
        let _ = Bedrock(NONCE).hear(&bytes);
        let _ = Bedrock(NONCE).hear(&pong(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn any_json_is_a_status(value in json()) {
        read(&value);
    }

    #[test]
    fn what_a_status_says_is_published(name in "[a-z]{1,40}", players: u32, most: u32) {
        let told = read(&format!(
            r#"{{"players":{{"online":{players},"max":{most}}},"description":{{"text":"§a{name}"}}}}"#
        ));
        prop_assert_eq!((told.name, told.players, told.max_players), (name, Some(players), Some(most)));
    }
}

/// Objects of the fields that are looked at, with values of any kind.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|it| it.to_string()),
        "[a-z§0-9 ]{0,8}".prop_map(|it| format!("\"{it}\"")),
    ];
    let key = prop::sample::select(vec![
        "version",
        "name",
        "players",
        "online",
        "max",
        "sample",
        "id",
        "description",
        "text",
        "extra",
        "translate",
        "fallback",
        "modinfo",
        "modList",
        "forgeData",
        "mods",
        "modid",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6);
        let object = prop::collection::vec((key.clone(), inner), 0..6);
        prop_oneof![
            list.prop_map(|it| format!("[{}]", it.join(","))),
            object.prop_map(|it| {
                let fields: Vec<_> = it
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

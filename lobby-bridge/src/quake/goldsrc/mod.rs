//! What `GoldSrc` and Xash3D say to their masters: `docs/specifications/goldsrc-master.md`. Pure.

mod filter;
mod page;

pub use self::page::Page;
pub(super) use self::page::{SIZE, write as write_page};

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use metaserve::{Game, Mod, ServerInfo};
use metaserve_query::{quake, valve};
use serde_json::{Value, json};

use super::{
    dialect::Speech,
    games::{Games, Row},
    info::{Description, Info, Kind, Told},
    message::{MARK, Message, integer},
    servers::Listed,
};

/// The name of the protocol.
pub(super) const NAME: &str = "goldsrc";

/// The number of the network protocol of servers that name none.
const VERSION: i64 = 48;

/// The folders of games, with their tags in the registry. Any other folder is its own tag, in small
/// letters.
const GAMES: [(&str, &str); 7] = [
    ("valve", "halflife"),
    ("cstrike", "counterstrike"),
    ("czero", "cscz"),
    ("dod", "dod"),
    ("tfc", "tfc"),
    ("gearbox", "opposingforce"),
    ("svencoop", "sco"),
];

/// What is kept of a heartbeat for filters (`docs/specifications/goldsrc-master.md`, section 6).
const FACTS: [&str; 12] = [
    "map", "password", "secure", "lan", "bots", "nat", "type", "os", "version", "region", "appid",
    "gametype",
];

/// Facts that the answer to the second question adds.
const HOSTNAME: &str = "hostname";
const MODE: &str = "mode";

/// The dialect.
pub(super) struct GoldSrc;

/// The games, of which only those named in `accepted` are listed, if there are any.
fn games(accepted: &[String]) -> Games {
    // Servers of any protocol belong to a game, and clients look for those of the registry by one.
    let protocols = [vec![VERSION], Vec::new()];
    let row = |protocols: Vec<i64>, folder: &str, tag: &str| {
        Some(Row {
            name: folder.to_owned(),
            game: Game::new(tag).ok()?,
            protocols,
            heartbeat: None,
            modification: None,
            asked_by: Vec::new(),
            shows_all: true,
        })
    };
    let rows = protocols.iter().flat_map(|protocols| {
        let games = GAMES.iter();
        games.filter_map(|(folder, tag)| row(protocols.clone(), folder, tag))
    });
    Games::only(rows.collect(), NAME).policy(accepted, &[])
}

impl Speech for GoldSrc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "GoldSrc"
    }

    fn games(&self, accepted: &[String]) -> Games {
        games(accepted)
    }

    /// `docs/specifications/goldsrc-master.md`, sections 2 to 6.
    fn read<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>> {
        if let Some(text) = datagram.strip_prefix(MARK) {
            let answers = matches!(text, [b'A' | b'I' | b'm', ..]);
            return answers.then_some(Message::More(datagram));
        }
        match datagram {
            [b'q'] | [b'q', 0xff | b'\n' | 0] => Some(Message::Heartbeat(NAME)),
            [b'q', 0xff, echo @ ..] => Some(Message::Challenge(NAME, echo.try_into().ok()?)),
            [b'0', b'\n', ..] => Some(Message::Info(datagram)),
            [b'b', rest @ ..] if rest.iter().all(|byte| matches!(byte, b'\n' | 0)) => {
                Some(Message::Ends(None))
            }
            [b'1', page @ ..] => Page::read(page).map(Message::Page),
            _ => None,
        }
    }

    fn question(&self, challenge: &str, echo: Option<[u8; 4]>) -> Bytes {
        let number = number(challenge).to_le_bytes();
        let echo = echo.unwrap_or_default();
        let echo = if echo == [0; 4] { &[][..] } else { &echo };
        [MARK, b"s\n", &number, echo].concat().into()
    }

    fn told<'a>(&self, datagram: &'a [u8]) -> Option<Told<'a>> {
        let settings = datagram.strip_prefix(b"0\n")?;
        quake::settings(settings).ok().map(Told::new)
    }

    fn repeats(&self, told: &Told<'_>, challenge: &str) -> bool {
        let given = i64::from(number(challenge));
        told.challenge().and_then(integer) == Some(given)
    }

    fn description(&self, told: &Told<'_>, _: Option<&str>, _: &[u8]) -> Option<Description> {
        let text = |key: &str| {
            let text = str::from_utf8(told.get(key)?).ok()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let count = |key: &str| {
            let number = integer(told.get(key)?)?.max(0);
            Some(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let fact = |key: &'static str| Some((key, text(key)?));
        Some(Description {
            info: Info {
                gamename: text("gamedir").or_else(|| text("product"))?,
                kind: Kind::Named,
                protocol: told.get("protocol").and_then(integer).unwrap_or(VERSION),
                gametype: "0".to_owned(),
                clients: Some(count("players")?),
                max_clients: Some(count("max")?),
                facts: FACTS.into_iter().filter_map(fact).collect(),
            },
            modification: None,
            raw: told.raw(),
        })
    }

    fn second_question(&self, challenge: Option<[u8; 4]>) -> Option<Bytes> {
        Some(valve::question(challenge).into())
    }

    /// Servers' addresses come a page at a time, never all at once.
    fn list(&self, _: Vec<SocketAddr>, _: bool) -> Vec<Bytes> {
        Vec::new()
    }

    fn record(&self, listed: &Listed) -> ServerInfo {
        let Description { info, raw, .. } = &listed.description;
        let told = quake::settings(raw).ok();
        let told = told.as_ref().map(quake::goldsrc_record);
        let fact = |key| info.fact(key).map(str::to_owned);
        let is_base = GAMES.iter().any(|(folder, _)| *folder == info.gamename);
        let modification = (!is_base).then(|| Mod::new(info.gamename.clone()));
        ServerInfo {
            name: fact(HOSTNAME).unwrap_or_default(),
            mode: fact(MODE),
            mods: modification.into_iter().collect(),
            legacy: Some(json!({
                "protocol": NAME,
                "gamename": info.gamename,
                "number": info.protocol,
                "info": BASE64.encode(raw),
            })),
            ..told.unwrap_or_default()
        }
    }

    fn wire(&self, game: &Game, record: &ServerInfo, games: &Games) -> Option<Info> {
        let told = record.legacy.as_ref().and_then(legacy);
        let mut info = told.or_else(|| games.wire(game))?;
        let password = record.password.map(|it| u8::from(it).to_string());
        let told = [
            (HOSTNAME, Some(record.name.clone())),
            ("map", record.map.clone()),
            ("password", password),
        ];
        for (key, value) in told {
            if let Some(value) = value {
                info.facts.retain(|(it, _)| *it != key);
                info.facts.push((key, value));
            }
        }
        Some(info)
    }
}

/// The wire's own facts in a record that a bridge has made.
fn legacy(legacy: &Value) -> Option<Info> {
    if legacy.get("protocol")?.as_str()? != NAME {
        return None;
    }
    let raw = BASE64.decode(legacy.get("info")?.as_str()?).ok()?;
    let told = Told::new(quake::settings(&raw).ok()?);
    Some(GoldSrc.description(&told, None, &raw)?.info)
}

/// What a server says to the second question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum More {
    /// It wants to be asked once more, with these bytes.
    Again([u8; 4]),
    /// Facts to be added.
    Facts(Vec<(&'static str, String)>),
}

/// Reads the answer to the second question.
pub(super) fn more(datagram: &[u8]) -> Option<More> {
    match valve::told(datagram)? {
        valve::Told::Challenge(challenge) => Some(More::Again(challenge)),
        valve::Told::Info(info) => {
            let name = (!info.name.is_empty()).then_some((HOSTNAME, info.name));
            let mode = info.mode.map(|mode| (MODE, mode));
            Some(More::Facts(name.into_iter().chain(mode).collect()))
        }
        _ => None,
    }
}

/// Adds facts of the second answer, in place of those of an earlier one.
pub(super) fn add(info: &mut Info, facts: Vec<(&'static str, String)>) {
    info.facts
        .retain(|(key, _)| *key != HOSTNAME && *key != MODE);
    info.facts.extend(facts);
}

/// The facts of an earlier second answer.
pub(super) fn added(info: &Info) -> Vec<(&'static str, String)> {
    let facts = info.facts.iter();
    let second = facts.filter(|(key, _)| *key == HOSTNAME || *key == MODE);
    second.cloned().collect()
}

/// A challenge as a number, which is never below 0, since servers write it with or without a sign.
fn number(challenge: &str) -> u32 {
    let digit = |number: u64, byte: u8| number.wrapping_mul(131).wrapping_add(u64::from(byte));
    let number = challenge.bytes().fold(0, digit);
    u32::try_from((number ^ (number >> 32)) & 0x7fff_ffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: &[u8] =
        b"0\n\\protocol\\48\\challenge\\7\\players\\2\\max\\8\\bots\\1\\gamedir\\\
        cstrike\\map\\de_dust\\type\\d\\password\\1\\os\\l\\secure\\0\\lan\\0\\version\\1.1.2.7\\\
        region\\3\\product\\cstrike\n";

    #[test]
    fn what_servers_and_clients_say_is_read() {
        let table: [(&[u8], Option<Message<'_>>); 15] = [
            (b"q", Some(Message::Heartbeat(NAME))),
            (b"q\n", Some(Message::Heartbeat(NAME))),
            (b"q\xff", Some(Message::Heartbeat(NAME))),
            (
                b"q\xff\x01\x02\x03\x04",
                Some(Message::Challenge(NAME, [1, 2, 3, 4])),
            ),
            (b"q\xff\x01\x02", None),
            (b"query\n\0", None),
            (HEARTBEAT, Some(Message::Info(HEARTBEAT))),
            (b"0", None),
            (b"b\n", Some(Message::Ends(None))),
            (b"b", Some(Message::Ends(None))),
            (b"bye", None),
            (b"1", None),
            (b"", None),
            (b"\xff\xff\xff\xffq", None),
            (
                b"\xff\xff\xff\xffA1234",
                Some(Message::More(b"\xff\xff\xff\xffA1234")),
            ),
        ];
        for (datagram, message) in table {
            assert_eq!(GoldSrc.read(datagram), message, "{datagram:?}");
        }
    }

    #[test]
    fn a_server_is_read_as_clients_can_ask_for_it() {
        let told = GoldSrc.told(HEARTBEAT).unwrap();
        let description = GoldSrc.description(&told, None, HEARTBEAT).unwrap();
        let info = &description.info;
        assert_eq!((info.gamename.as_str(), info.protocol), ("cstrike", 48));
        assert_eq!((info.clients, info.max_clients), (Some(2), Some(8)));
        assert_eq!(info.fact("map"), Some("de_dust"));
        assert_eq!(info.fact("region"), Some("3"));
        let raw = String::from_utf8_lossy(&description.raw).into_owned();
        assert!(!raw.contains("challenge"), "{raw}");
    }

    #[test]
    fn a_challenge_is_a_number_that_has_no_sign() {
        for challenge in ["4GTQf23cinb", "Cd3vyIkV5EZ", "zzzzzzzzzzz"] {
            let question = GoldSrc.question(challenge, Some(*b"echo"));
            let number = &question[6..10];
            let number = i32::from_le_bytes(number.try_into().unwrap());
            assert!(number >= 0);
            assert_eq!(question[10..], *b"echo");
            let answer = format!("0\n\\challenge\\{number}\\gamedir\\valve");
            let told = GoldSrc.told(answer.as_bytes()).unwrap();
            assert!(GoldSrc.repeats(&told, challenge));
            assert!(!GoldSrc.repeats(&told, "another"));
        }
    }
}

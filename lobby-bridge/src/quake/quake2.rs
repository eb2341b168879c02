//! What Quake II, Alien Arena and Quetoo say to their masters:
//! `docs/specifications/quake2-master.md`. Pure.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use metaserve::ServerInfo;
use metaserve_query::quake::{self, Answer};
use serde_json::json;

use super::{
    answer,
    dialect::Speech,
    games::{Games, Row},
    info::{Description, Info, Kind, Told},
    message::{MARK, Message, is_blank},
    request::Request,
    servers::Listed,
};

/// The name of the protocol.
pub(super) const NAME: &str = "quake2";

/// The number that stands for the protocol: clients name none.
const VERSION: i64 = 34;

/// What a server is asked (`docs/specifications/quake2-master.md`, section 4).
const QUESTION: &[u8] = b"\xff\xff\xff\xffstatus\n";

/// What each datagram of a list begins with (`docs/specifications/quake2-master.md`, section 5).
const LIST: &[u8] = b"\xff\xff\xff\xffservers ";

/// The answer to a ping (`docs/specifications/quake2-master.md`, section 3).
const ACK: Bytes = Bytes::from_static(b"\xff\xff\xff\xffack");

/// The games that share the protocol (`docs/specifications/quake2-master.md`, section 4). Each is
/// its own game of the registry.
const GAMES: [&str; 3] = [NAME, "alienarena", "quetoo"];

/// The dialect.
pub(super) struct Quake2;

/// The games, of which only those named in `accepted` are listed, if there are any.
fn games(accepted: &[String]) -> Games {
    let row = |name: &&str| {
        Some(Row {
            name: (*name).to_owned(),
            game: metaserve::Game::new(name).ok()?,
            protocols: vec![VERSION],
            heartbeat: Some(NAME.to_owned()),
            modification: None,
            asked_by: Vec::new(),
            shows_all: true,
        })
    };
    Games::only(GAMES.iter().filter_map(row).collect(), NAME).policy(accepted, &[])
}

impl Speech for Quake2 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Quake II"
    }

    fn games(&self, accepted: &[String]) -> Games {
        games(accepted)
    }

    /// `docs/specifications/quake2-master.md`, sections 2 to 5.
    fn read<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>> {
        let marked = datagram.strip_prefix(MARK);
        let text = marked.unwrap_or(datagram);
        let end = text.iter().position(|byte| is_blank(*byte));
        let word = &text[..end.unwrap_or(text.len())];
        match (word, marked.is_some()) {
            (b"query", _) => Some(Message::Request(Request::everything(None, VERSION))),
            (b"heartbeat", true) => Some(Message::Heartbeat(NAME)),
            (b"shutdown", true) => Some(Message::Ends(None)),
            (b"ping", true) => Some(Message::Ping(ACK)),
            (b"print", true) => Some(Message::Info(datagram)),
            _ => None,
        }
    }

    fn question(&self, _: &str, _: Option<[u8; 4]>) -> Bytes {
        Bytes::from_static(QUESTION)
    }

    fn told<'a>(&self, datagram: &'a [u8]) -> Option<Told<'a>> {
        quake::quake2_status(datagram).ok().map(Told::new)
    }

    fn description(
        &self,
        told: &Told<'_>,
        _: Option<&str>,
        datagram: &[u8],
    ) -> Option<Description> {
        let record = quake::quake2_record(told.answer());
        Some(Description {
            info: Info {
                gamename: game(told.answer()).to_owned(),
                kind: Kind::Anonymous,
                protocol: VERSION,
                gametype: "0".to_owned(),
                clients: record.players,
                max_clients: record.max_players,
                facts: Vec::new(),
            },
            modification: None,
            raw: Bytes::copy_from_slice(datagram),
        })
    }

    fn list(&self, servers: Vec<SocketAddr>, _: bool) -> Vec<Bytes> {
        answer::bare(servers, LIST)
    }

    fn record(&self, listed: &Listed) -> ServerInfo {
        let raw = &listed.description.raw;
        let answer = quake::quake2_status(raw).ok();
        ServerInfo {
            legacy: Some(json!({
                "protocol": NAME,
                "gamename": listed.description.info.gamename,
                "info": BASE64.encode(raw),
            })),
            ..answer
                .as_ref()
                .map(quake::quake2_record)
                .unwrap_or_default()
        }
    }
}

/// Which of the games it is (`docs/specifications/quake2-master.md`, section 4).
fn game(status: &Answer<'_>) -> &'static str {
    let says = |key: &str, texts: &[&str]| {
        let value = status.get(key).unwrap_or_default();
        let begins = |text: &&str| {
            let begin = value.get(..text.len());
            begin.is_some_and(|it| it.eq_ignore_ascii_case(text.as_bytes()))
        };
        texts.iter().any(begins)
    };
    let is_alien = |key| matches!(status.get(key), Some(b"data1" | b"arena"));
    let [quake2, alien_arena, quetoo] = GAMES;
    if says("version", &["Alien Arena"]) || is_alien("gamename") || is_alien("game") {
        alien_arena
    } else if says("version", &["Quetoo"]) || says("gamename", &["Quetoo"]) {
        quetoo
    } else {
        quake2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_and_clients_say_is_read() {
        let list = || Some(Message::Request(Request::everything(None, VERSION)));
        let table: [(&[u8], Option<Message<'_>>); 15] = [
            (b"query\n\0", list()),
            (b"query\0", list()),
            (b"query", list()),
            (b"\xff\xff\xff\xffquery\n\0", list()),
            (b"queryx", None),
            (
                b"\xff\xff\xff\xffheartbeat\n\\hostname\\x\n",
                Some(Message::Heartbeat(NAME)),
            ),
            (b"\xff\xff\xff\xffheartbeat", Some(Message::Heartbeat(NAME))),
            (b"heartbeat\n", None),
            (b"\xff\xff\xff\xffshutdown", Some(Message::Ends(None))),
            (b"shutdown", None),
            (b"\xff\xff\xff\xffping", Some(Message::Ping(ACK))),
            (
                b"\xff\xff\xff\xffprint\n\\a\\b\n",
                Some(Message::Info(b"\xff\xff\xff\xffprint\n\\a\\b\n")),
            ),
            (b"\xff\xff\xff\xffack", None),
            (b"\xff\xff\xff\xff", None),
            (b"", None),
        ];
        for (datagram, message) in table {
            assert_eq!(Quake2.read(datagram), message, "{datagram:?}");
        }
    }

    #[test]
    fn games_are_known_by_what_their_servers_say() {
        let table = [
            ("\\version\\3.21 i386\\gamename\\baseq2", "quake2"),
            ("\\gamename\\action\\game\\action", "quake2"),
            ("\\gamename\\data1", "alienarena"),
            ("\\game\\arena", "alienarena"),
            ("\\version\\Alien Arena 7.71", "alienarena"),
            ("\\version\\Quetoo 1.0\\gamename\\default", "quetoo"),
            ("\\gamename\\quetoo", "quetoo"),
            ("\\hostname\\Quetoo fans", "quake2"),
        ];
        for (settings, name) in table {
            let datagram = [b"\xff\xff\xff\xffprint\n", settings.as_bytes()].concat();
            let told = Quake2.told(&datagram).unwrap();
            assert_eq!(game(told.answer()), name, "{settings}");
        }
    }
}

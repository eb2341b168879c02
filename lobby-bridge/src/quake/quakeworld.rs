//! What `QuakeWorld` says to its masters: `docs/specifications/quakeworld-master.md`. Pure.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use metaserve::ServerInfo;
use metaserve_query::quake;
use serde_json::json;

use super::{
    answer,
    dialect::Speech,
    games::{Games, Row},
    info::{Description, Info, Kind, Told},
    message::{MARK, Message},
    request::Request,
    servers::Listed,
};

/// The name of the protocol, of its only game on the wire, and of that in the registry.
pub(super) const NAME: &str = "quakeworld";

/// The number that stands for the protocol: requests and servers name none.
const VERSION: i64 = 28;

/// What a server is asked: for settings and players, without spectators
/// (`docs/specifications/quakeworld-master.md`, section 4).
const QUESTION: &[u8] = b"\xff\xff\xff\xffstatus 19\n";

/// What each datagram of a list begins with
/// (`docs/specifications/quakeworld-master.md`, section 5).
const LIST: &[u8] = b"\xff\xff\xff\xffd\n";

/// The answer to a ping (`docs/specifications/quakeworld-master.md`, section 3).
const ACK: Bytes = Bytes::from_static(b"\xff\xff\xff\xffl\0");

/// The dialect.
pub(super) struct QuakeWorld;

/// The only game.
fn games() -> Games {
    let row = metaserve::Game::new(NAME).ok().map(|game| Row {
        name: NAME.to_owned(),
        game,
        protocols: vec![VERSION],
        heartbeat: Some(NAME.to_owned()),
        modification: None,
        asked_by: Vec::new(),
        shows_all: true,
    });
    Games::only(row.into_iter().collect(), NAME).policy(&[NAME.to_owned()], &[])
}

impl Speech for QuakeWorld {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "QuakeWorld"
    }

    fn games(&self, _: &[String]) -> Games {
        games()
    }

    /// `docs/specifications/quakeworld-master.md`, sections 2 to 5.
    fn read<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>> {
        let text = datagram.strip_prefix(MARK).unwrap_or(datagram);
        let ends_well = |rest: &[u8]| rest.iter().all(|byte| matches!(byte, b'\n' | 0));
        match text {
            [b'a', b'\n', numbers @ ..] => is_numbers(numbers).then_some(Message::Heartbeat(NAME)),
            [b'C', rest @ ..] if ends_well(rest) => Some(Message::Ends(Some(NAME))),
            [b'k', rest @ ..] if ends_well(rest) => Some(Message::Ping(ACK)),
            // Without the line feed it is none: clients and servers have another `c`.
            [b'c', b'\n', rest @ ..] if ends_well(rest) => {
                Some(Message::Request(Request::everything(Some(NAME), VERSION)))
            }
            [b'n', ..] if datagram.starts_with(MARK) => Some(Message::Info(datagram)),
            _ => None,
        }
    }

    fn question(&self, _: &str, _: Option<[u8; 4]>) -> Bytes {
        Bytes::from_static(QUESTION)
    }

    fn told<'a>(&self, datagram: &'a [u8]) -> Option<Told<'a>> {
        quake::quakeworld_status(datagram).ok().map(Told::new)
    }

    fn description(
        &self,
        told: &Told<'_>,
        _: Option<&str>,
        datagram: &[u8],
    ) -> Option<Description> {
        let record = quake::quakeworld_record(told.answer());
        Some(Description {
            info: Info {
                gamename: NAME.to_owned(),
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
        let answer = quake::quakeworld_status(raw).ok();
        ServerInfo {
            legacy: Some(json!({ "protocol": NAME, "info": BASE64.encode(raw) })),
            ..answer
                .as_ref()
                .map(quake::quakeworld_record)
                .unwrap_or_default()
        }
    }
}

/// Whether a heartbeat goes on with its number and that of its players.
fn is_numbers(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    let is_number = |line: &[u8]| !line.is_empty() && line.iter().all(u8::is_ascii_digit);
    lines.next().is_some_and(is_number) && lines.next().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_and_clients_say_is_read() {
        let list = Message::Request(Request::everything(Some(NAME), VERSION));
        let table: [(&[u8], Option<Message<'_>>); 14] = [
            (b"a\n1\n0\n", Some(Message::Heartbeat(NAME))),
            (b"a\n17\n4\n\0", Some(Message::Heartbeat(NAME))),
            (b"a\n1\n", None),
            (b"a\nx\n0\n", None),
            (b"aloha", None),
            (b"C\n", Some(Message::Ends(Some(NAME)))),
            (b"Care", None),
            (b"k\0", Some(Message::Ping(ACK))),
            (b"k\n", Some(Message::Ping(ACK))),
            (b"c\n\0", Some(list)),
            (b"c12345", None),
            (b"", None),
            (b"n\\hostname\\x", None),
            (b"\xff\xff\xff\xffl\0", None),
        ];
        for (datagram, message) in table {
            assert_eq!(QuakeWorld.read(datagram), message, "{datagram:?}");
        }
    }
}

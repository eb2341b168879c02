//! What Quake III and `DarkPlaces` say to their masters: `docs/specifications/quake3-master.md`.
//! Pure.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use metaserve::{Game, ServerInfo};
use metaserve_query::quake;
use serde_json::{Value, json};

use super::{
    answer,
    dialect::Speech,
    games::Games,
    info::{Description, Info, Kind, Told},
    message::{MARK, Message, is_blank},
    request::Request,
    servers::Listed,
};

/// The name of the protocol.
pub(super) const NAME: &str = "quake3";

/// Types of games that clients ask for by number, by the names that the registry has for them.
const MODES: [(&str, &str); 4] = [
    ("deathmatch", "0"),
    ("tournament", "1"),
    ("team deathmatch", "3"),
    ("capture the flag", "4"),
];

/// The dialect.
pub(super) struct Quake3;

/// Reads a datagram (`docs/specifications/quake3-master.md`, sections 2 to 6). `None` if nobody waits for an answer to it, or none is due.
#[must_use]
pub fn read(datagram: &[u8]) -> Option<Message<'_>> {
    let text = datagram.strip_prefix(MARK)?;
    if text.starts_with(b"infoResponse") {
        return Some(Message::Info(datagram));
    }
    let mut words = text
        .split(|byte| is_blank(*byte))
        .filter(|it| !it.is_empty());
    // A word that begins with a blank is none of ours.
    if text.first().is_none_or(|byte| is_blank(*byte)) {
        return None;
    }
    match words.next()? {
        b"heartbeat" => Some(Message::Heartbeat(str::from_utf8(words.next()?).ok()?)),
        b"getservers" => Request::plain(words).map(Message::Request),
        b"getserversExt" => Request::extended(words).map(Message::Request),
        _ => None,
    }
}

/// The question that a server is asked.
#[must_use]
pub fn getinfo(challenge: &str) -> Vec<u8> {
    [MARK, b"getinfo ", challenge.as_bytes()].concat()
}

impl Speech for Quake3 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Quake III"
    }

    fn games(&self, accepted: &[String]) -> Games {
        Games::default().policy(accepted, &[])
    }

    fn read<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>> {
        read(datagram)
    }

    fn question(&self, challenge: &str, _: Option<[u8; 4]>) -> Bytes {
        getinfo(challenge).into()
    }

    fn told<'a>(&self, datagram: &'a [u8]) -> Option<Told<'a>> {
        quake::info_response(datagram).ok().map(Told::new)
    }

    fn repeats(&self, told: &Told<'_>, challenge: &str) -> bool {
        told.challenge() == Some(challenge.as_bytes())
    }

    fn description(&self, told: &Told<'_>, game: Option<&str>, _: &[u8]) -> Option<Description> {
        told.description(game)
    }

    fn carries(&self, _: SocketAddr) -> bool {
        true
    }

    fn list(&self, servers: Vec<SocketAddr>, is_extended: bool) -> Vec<Bytes> {
        answer::datagrams(servers, is_extended)
    }

    fn record(&self, listed: &Listed) -> ServerInfo {
        record(listed)
    }

    fn wire(&self, game: &Game, record: &ServerInfo, games: &Games) -> Option<Info> {
        let told = record.legacy.as_ref().and_then(legacy);
        told.or_else(|| {
            let mut info = games.wire(game)?;
            let mode = record.mode.as_deref().unwrap_or_default();
            let number = MODES.iter().find(|(name, _)| *name == mode);
            if let Some((_, number)) = number {
                (*number).clone_into(&mut info.gametype);
            }
            Some(info)
        })
    }
}

/// The record of a server.
fn record(listed: &Listed) -> ServerInfo {
    let description = &listed.description;
    let wire = &description.info;
    // Servers of old games leave it to their tag which game they are.
    let game = format!("\\gamename\\{}", wire.gamename);
    let datagram = [MARK, b"infoResponse\n", &description.raw, game.as_bytes()].concat();
    let answer = quake::info_response(&datagram).ok();
    let told = answer.as_ref().map(quake::Answer::server_info);
    let mut info = told.unwrap_or_default();
    // Engines that do not count bots apart say only how many are there.
    let counts = ["g_humanplayers", "humans", "bots"];
    let counts_people = answer.is_some_and(|it| counts.iter().any(|key| it.get(key).is_some()));
    if !counts_people {
        info.players = wire.clients;
    }
    info.max_players = wire.max_clients;
    info.legacy = Some(json!({
        "protocol": NAME,
        "gamename": wire.gamename,
        "number": wire.protocol,
        "gametype": wire.gametype,
        "anonymous": wire.kind == Kind::Anonymous,
        "info": BASE64.encode(&description.raw),
    }));
    info
}

/// The wire's own facts in a record that a bridge has made.
fn legacy(legacy: &Value) -> Option<Info> {
    if legacy.get("protocol")?.as_str()? != NAME {
        return None;
    }
    let text = |key| Some(legacy.get(key)?.as_str()?.to_owned());
    Some(Info {
        gamename: text("gamename")?,
        kind: match legacy.get("anonymous").and_then(Value::as_bool) {
            Some(true) => Kind::Anonymous,
            _ => Kind::Named,
        },
        protocol: legacy.get("number")?.as_i64()?,
        gametype: text("gametype").unwrap_or_else(|| "0".to_owned()),
        clients: None,
        max_clients: None,
        facts: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_may_end_with_anything_blank() {
        for end in ["", "\n", "\r\n", " \0"] {
            let text = [MARK, b"heartbeat QuakeArena-1", end.as_bytes()].concat();
            assert_eq!(read(&text), Some(Message::Heartbeat("QuakeArena-1")));
        }
    }

    #[test]
    fn whatever_is_not_for_a_master_is_ignored() {
        let table: [&[u8]; 9] = [
            b"",
            b"\xff\xff\xff\xff",
            b"\xff\xff\xff\xff heartbeat DarkPlaces",
            b"\xff\xff\xff\xffheartbeat",
            b"\xff\xff\xff\xffheartbeat \xfe",
            b"\xff\xff\xff\xffHeartbeat DarkPlaces",
            b"\xff\xff\xff\xfegetservers 71 empty",
            b"getservers 71",
            b"\xff\xff\xff\xffgetstatus",
        ];
        for datagram in table {
            assert_eq!(read(datagram), None, "{datagram:?}");
        }
    }
}

//! What Quake III and `DarkPlaces` say to their masters: `docs/specifications/quake3-master.md`.
//! Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use metaserve::ServerInfo;
use metaserve_query::quake;
use serde_json::json;

use super::{
    info::Kind,
    message::{MARK, Message, is_blank},
    request::Request,
    servers::Listed,
};

/// The name of the protocol.
pub(super) const NAME: &str = "quake3";

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

/// The record of a server.
pub(super) fn record(listed: &Listed) -> ServerInfo {
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

//! The ping of servers before 1.7, to which vanilla servers of today still answer.
//!
//! From <https://minecraft.wiki/w/Java_Edition_protocol/Server_List_Ping>, "1.6", "1.4 to 1.5" and
//! "Beta 1.8 to 1.3". Texts are UTF-16, big-endian, with their length in units of two bytes first.
//!
//! ```text
//!  > FE 01 FA  "MC|PingHost"  bytes that follow(2)  version  host  port(4)
//!  < FF  "§1" 0 protocol 0 version 0 description 0 players 0 most players      since 1.4
//!  < FF  description § players § most players                                 before
//! ```

use super::{chat, malformed};
use crate::{dialogue::Reading, text};
use metaserve::ServerInfo;

/// The protocol of 1.6.4, the last one with this question.
const VERSION: u8 = 78;

pub(super) fn question(host: &str, port: u16) -> Vec<u8> {
    let host: Vec<u16> = host.encode_utf16().take(255).collect();
    let mut question = vec![0xfe, 1, 0xfa];
    put_text(
        &mut question,
        &"MC|PingHost".encode_utf16().collect::<Vec<_>>(),
    );
    let following = 1 + 2 + 2 * host.len() + 4;
    question.extend((following as u16).to_be_bytes());
    question.push(VERSION);
    put_text(&mut question, &host);
    question.extend(u32::from(port).to_be_bytes());
    question
}

fn put_text(bytes: &mut Vec<u8>, text: &[u16]) {
    bytes.extend((text.len() as u16).to_be_bytes());
    bytes.extend(text.iter().flat_map(|unit| unit.to_be_bytes()));
}

pub(super) fn read(answer: &[u8], _ended: bool) -> Reading {
    let (length, text) = match answer {
        [] | [0xff] | [0xff, _] => return Ok(None),
        [0xff, high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), text),
        _ => return Err(malformed("it is no answer to a ping")),
    };
    let Some(text) = text.get(..2 * usize::from(length)) else {
        return Ok(None);
    };
    let units: Vec<_> = text
        .chunks_exact(2)
        .map(|it| u16::from_be_bytes([it[0], it[1]]))
        .collect();
    let text = String::from_utf16_lossy(&units);
    let info = info(&text).ok_or_else(|| malformed("it is no answer to a ping"))?;
    Ok(Some(Box::new(info)))
}

fn info(text: &str) -> Option<ServerInfo> {
    if let Some(fields) = text.strip_prefix("§1\0") {
        let mut fields = fields.split('\0').skip(1);
        let version = chat::plain(fields.next()?);
        let name = chat::plain(fields.next()?);
        return Some(ServerInfo {
            players: text::count(fields.next()?.as_bytes()),
            max_players: text::count(fields.next()?.as_bytes()),
            version: text::some(version),
            ..ServerInfo::new(name)
        });
    }
    let mut fields = text.rsplitn(3, '§');
    let counts = [fields.next()?, fields.next()?].map(str::as_bytes);
    // Any other text with which a server closes a connection is no answer.
    let [Some(_), Some(_)] = counts.map(text::number) else {
        return None;
    };
    let [max_players, players] = counts.map(text::count);
    Some(ServerInfo {
        players,
        max_players,
        ..ServerInfo::new(chat::plain(fields.next()?))
    })
}

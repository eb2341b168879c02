//! The status of servers since 1.7.
//!
//! From <https://minecraft.wiki/w/Java_Edition_protocol/Server_List_Ping>. Each packet has its
//! length first, then its number; lengths and numbers are of 1 to 5 bytes, seven bits each, lowest
//! first.
//!
//! ```text
//!  > length 00 version  length host  port(2)  01        the handshake; 01: for the status
//!  > 01 00                                              the status, please
//!  < length 00 length JSON
//! ```

use super::{chat, malformed};
use crate::{Unanswered, dialogue::Reading, text};
use metaserve::{Mod, Player, ServerInfo};
use serde_json::Value;

/// The version of a client that does not know yet which one the server has: -1.
const ANY_VERSION: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

/// How servers before 1.7 close a connection: with a number and a text's length, 255 units at most.
const LAST_PACKET: [u8; 2] = [0xff, 0];

/// The mods of Forge itself and of the game, which nobody has to install.
const BUILT_IN: [&str; 5] = ["minecraft", "mcp", "FML", "Forge", "forge"];

/// Players that are lines of text, or do not want to be named.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn question(host: &str, port: u16) -> Vec<u8> {
    let host = host.get(..255).unwrap_or(host).as_bytes();
    let mut handshake = vec![0];
    handshake.extend(ANY_VERSION);
    put_length(&mut handshake, host.len());
    handshake.extend(host);
    handshake.extend(port.to_be_bytes());
    handshake.push(1);
    let mut question = Vec::new();
    put_length(&mut question, handshake.len());
    question.extend(handshake);
    question.extend([1, 0]);
    question
}

fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

pub(super) fn read(answer: &[u8], _ended: bool) -> Reading {
    if answer.starts_with(&LAST_PACKET) {
        return Err(malformed("it is no status, but of a server before 1.7"));
    }
    let Some((bytes, packet)) = length(answer)? else {
        return Ok(None);
    };
    if packet.first().is_some_and(|number| *number != 0) {
        return Err(malformed("it is no status"));
    }
    let Some([_, text @ ..]) = packet.get(..bytes) else {
        return Ok(None);
    };
    let json = length(text)?.and_then(|(length, text)| text.get(..length));
    let json = json.ok_or_else(|| malformed("its status is cut short"))?;
    let status = serde_json::from_str(&String::from_utf8_lossy(json));
    let status = status.map_err(|error| malformed(&format!("its status is no JSON: {error}")))?;
    Ok(Some(Box::new(info(&status))))
}

/// A length at the beginning, and what follows it.
fn length(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, Unanswered> {
    let mut length = 0;
    for (at, byte) in bytes.iter().enumerate().take(3) {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, &bytes[at + 1..])));
        }
    }
    let more_comes = bytes.len() < 3 && bytes.iter().all(|byte| byte & 0x80 != 0);
    match more_comes {
        true => Ok(None),
        false => Err(malformed("it is no status, or too long")),
    }
}

fn info(status: &Value) -> ServerInfo {
    // Some proxies say -1 where they know no number. A number that is written as 20.0 is one too.
    let count = |pointer| match status.pointer(pointer)? {
        Value::Number(number) => text::count(number.to_string().as_bytes()),
        _ => None,
    };
    let version = status.pointer("/version/name").map(chat::text);
    let name = status.get("description").map(chat::text);
    let entries = |pointer| {
        let list = status.pointer(pointer).and_then(Value::as_array);
        list.map_or(&[][..], Vec::as_slice).iter()
    };
    // Forge until 1.12, and since.
    let mods = entries("/modinfo/modList").chain(entries("/forgeData/mods"));
    ServerInfo {
        players: count("/players/online"),
        max_players: count("/players/max"),
        version: version.and_then(text::some),
        mods: mods.filter_map(modification).collect(),
        player_list: entries("/players/sample").filter_map(player).collect(),
        ..ServerInfo::new(name.unwrap_or_default())
    }
}

fn player(entry: &Value) -> Option<Player> {
    let id = entry.get("id").and_then(Value::as_str);
    let name = chat::text(entry.get("name")?);
    (id != Some(NOBODY) && !name.is_empty()).then(|| Player::new(name))
}

fn modification(entry: &Value) -> Option<Mod> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| entry.get(key)?.as_str());
    let name = text(["modid", "modId"])?;
    let version = text(["version", "modmarker"]);
    // What Forge says of mods that the server alone needs.
    let for_players = !BUILT_IN.contains(&name) && version != Some("IGNORESERVERONLY");
    for_players.then(|| Mod {
        version: version.map(chat::plain),
        ..Mod::new(chat::plain(name))
    })
}

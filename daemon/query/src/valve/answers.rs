//! What the answers say. Valve's page, "`A2S_INFO`" and "`A2S_PLAYER`".

use super::malformed;
use crate::{Unanswered, answer, reader::Reader, text};
use metaserve::{Player, ServerInfo};

/// The Ship, whose answer has three bytes more.
const THE_SHIP: u16 = 2400;

/// The answer of Source and of newer `GoldSrc` servers, and the port that players join by if it has
/// one.
pub(super) fn source(body: &[u8]) -> Result<(ServerInfo, Option<u16>), Unanswered> {
    let read = || {
        let mut body = Reader::new(body);
        body.byte()?; // The version of the protocol.
        let [name, map, _, mode] = texts(&mut body)?;
        let app = u16::from_le_bytes(body.array()?);
        let [players, most, bots] = body.array()?;
        let [_, _, password, _] = body.array()?;
        if app == THE_SHIP {
            body.array::<3>()?;
        }
        let version = body.text()?;
        let Extra { port, keywords } = extra(&mut body);
        let info = ServerInfo {
            version: text::some(plain(version)),
            tags: keywords,
            ..described(name, map, mode, [players, most, bots, password])
        };
        Some((info, port))
    };
    read().ok_or_else(|| malformed("its description is cut short"))
}

/// The answer of older `GoldSrc` servers: "Obsolete `GoldSource` Response".
pub(super) fn goldsrc(body: &[u8]) -> Result<ServerInfo, Unanswered> {
    let read = || {
        let mut body = Reader::new(body);
        body.text()?; // The server's address, as it knows it.
        let [name, map, _, mode] = texts(&mut body)?;
        let [players, most] = body.array()?;
        let [_, _, _, password, is_mod] = body.array()?;
        if is_mod == 1 {
            body.text()?;
            body.text()?;
            body.array::<11>()?; // A zero byte, version, size, kind, library.
        }
        body.byte()?; // Whether Valve's protection from cheats is on.
        let bots = body.byte().unwrap_or(0);
        Some(described(name, map, mode, [players, most, bots, password]))
    };
    read().ok_or_else(|| malformed("its description is cut short"))
}

/// Adds who is playing. Bots are among them without a mark, so that nobody is named where there are
/// bots.
pub(super) fn with_players(
    mut info: Box<ServerInfo>,
    body: &[u8],
) -> Result<Box<ServerInfo>, Unanswered> {
    let mut body = Reader::new(body);
    let count = body.byte().ok_or_else(|| malformed("nobody is counted"))?;
    let mut player = || {
        body.byte()?; // Its place, often 0.
        let name = body.text()?;
        let score = i32::from_le_bytes(body.array()?);
        body.array::<4>()?; // For how long: a float.
        Some(Player {
            score: Some(score.into()),
            ..Player::new(plain(name))
        })
    };
    let list: Vec<_> = (0..count).map_while(|_| player()).collect();
    if info
        .players
        .is_some_and(|people| list.len() <= people as usize)
    {
        info.player_list = list;
    }
    Ok(info)
}

fn texts<'a, const N: usize>(body: &mut Reader<'a>) -> Option<[&'a [u8]; N]> {
    let mut texts = [&[][..]; N];
    for text in &mut texts {
        *text = body.text()?;
    }
    Some(texts)
}

fn described(
    name: &[u8],
    map: &[u8],
    mode: &[u8],
    [players, most, bots, password]: [u8; 4],
) -> ServerInfo {
    ServerInfo {
        map: text::some(plain(map)),
        mode: text::some(plain(mode)),
        players: Some(players.saturating_sub(bots).into()),
        max_players: Some(most.into()),
        password: Some(password == 1),
        ..ServerInfo::new(plain(name))
    }
}

fn plain(bytes: &[u8]) -> String {
    text::tidy(&text::decode(bytes))
}

/// What can follow a description.
#[derive(Default)]
struct Extra {
    port: Option<u16>,
    keywords: Vec<String>,
}

/// The port that players join by, Steam's number, the spectators' port and name, and the words to
/// search for, each if its bit is set. What is cut off is missing.
fn extra(body: &mut Reader<'_>) -> Extra {
    let mut extra = Extra::default();
    let mut read = || {
        let present = body.byte()?;
        if present & 0x80 != 0 {
            extra.port = answer::port(u16::from_le_bytes(body.array()?));
        }
        if present & 0x10 != 0 {
            body.array::<8>()?;
        }
        if present & 0x40 != 0 {
            body.array::<2>()?;
            body.text()?;
        }
        if present & 0x20 != 0 {
            let words = plain(body.text()?);
            let words = words.split([',', ';', ' ']).filter(|word| !word.is_empty());
            extra.keywords.extend(words.map(str::to_owned));
        }
        Some(())
    };
    // What was read counts, also when the rest is cut off.
    let _ = read();
    extra
}

//! The Bedrock edition: `RakNet`'s unconnected ping.
//!
//! From <https://wiki.bedrock.dev/servers/raknet-and-mcpe.html>; not seen on a real server here.
//!
//! ```text
//!  > 01 ours(8) magic(16) client(8)
//!  < 1C ours(8) server(8) magic(16) length(2) text
//!  text: edition;name;protocol;version;players;most players;server;level;mode;...
//! ```
//!
//! A semicolon within a field is written `\;`, as PocketMine-MP does in its names (from memory); any
//! other backslash is one.

use super::{chat, malformed};
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    reader::Reader,
    text,
};
use fastrand::Rng;
use metaserve::ServerInfo;

const MAGIC: [u8; 16] = [
    0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78,
];

pub(crate) fn dialogue(mut rng: Rng) -> Box<dyn Dialogue> {
    Box::new(Bedrock(rng.u64(..).to_be_bytes()))
}

/// What the answer repeats.
pub(super) struct Bedrock(pub(super) [u8; 8]);

impl Dialogue for Bedrock {
    fn open(&mut self) -> Vec<u8> {
        [&[1], &self.0[..], &MAGIC, &self.0].concat()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let answer = || {
            let mut answer = Reader::new(datagram);
            answer.exactly(&[0x1c])?;
            answer.exactly(&self.0)?;
            answer.array::<8>()?;
            answer.exactly(&MAGIC)?;
            Some(answer)
        };
        let Some(mut answer) = answer() else {
            return Ok(Heard::More);
        };
        // Some servers say a wrong length; the text ends with the datagram in any case.
        let length: Option<[u8; 2]> = answer.array();
        let text = length.map(|_| text::decode(answer.rest()));
        let info = text.and_then(|text| info(&text));
        let info = info.ok_or_else(|| malformed("its description is cut short"))?;
        Ok(Heard::Done(Box::new(info)))
    }
}

fn info(text: &str) -> Option<ServerInfo> {
    let mut fields = fields(text).skip(1).map(|field| chat::plain(&field));
    let name = fields.next()?;
    fields.next()?;
    let version = fields.next()?;
    let mut count = || Some(text::count(fields.next()?.as_bytes()));
    let (players, max_players) = (count()?, count()?);
    fields.next();
    Some(ServerInfo {
        players,
        max_players,
        version: text::some(version),
        map: fields.next().and_then(text::some),
        mode: fields.next().and_then(text::some),
        ..ServerInfo::new(name)
    })
}

/// The fields of a text, with semicolons in them as they are seen.
fn fields(text: &str) -> impl Iterator<Item = String> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let mut field = String::new();
        loop {
            let (part, after) = match rest?.split_once(';') {
                Some((part, after)) => (part, Some(after)),
                None => (rest?, None),
            };
            rest = after;
            match part.strip_suffix('\\') {
                Some(part) if after.is_some() => field.extend([part, ";"]),
                _ => {
                    field.push_str(part);
                    return Some(field);
                }
            }
        }
    })
}

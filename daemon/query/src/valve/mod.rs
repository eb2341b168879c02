//! Source and `GoldSrc` (A2S).
//!
//! The formats are those of Valve's page
//! <https://developer.valvesoftware.com/wiki/Server_queries>. From memory, and not seen on a real
//! server here: that the challenge of one question is good for the next one.
//!
//! ```text
//!  info? ──▶ challenge ──▶ info with it? ──▶ info ──▶ players with it? ──▶ players
//! ```

mod answers;
mod parts;
#[cfg(test)]
mod tests;

use self::parts::Parts;
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
};
use fastrand::Rng;
use metaserve::ServerInfo;

/// How a message begins that is not split.
const WHOLE: [u8; 4] = [0xff; 4];

/// How often a server may ask for another challenge. Two are usual, one for each question.
const MAX_CHALLENGES: u32 = 8;

pub(crate) fn dialogue(_: Rng) -> Box<dyn Dialogue> {
    Box::<Valve>::default()
}

#[derive(Default)]
struct Valve {
    /// What the server has said about itself; then the players are asked for.
    info: Option<Box<ServerInfo>>,
    /// The port that players join by, if it has said so.
    port: Option<u16>,
    challenge: Option<[u8; 4]>,
    /// How often the challenge has changed.
    challenges: u32,
    parts: Parts,
}

impl Dialogue for Valve {
    fn open(&mut self) -> Vec<u8> {
        if self.info.is_none() {
            // Older servers know no challenges and want nothing in the place of one.
            return question(self.challenge);
        }
        let challenge = self.challenge.unwrap_or([0xff; 4]);
        [WHOLE.as_slice(), b"U", &challenge].concat()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let Some(message) = self.parts.add(datagram)? else {
            return Ok(Heard::More);
        };
        let Some((kind, body)) = message.split_first() else {
            return Ok(Heard::More);
        };
        match (kind, self.info.take()) {
            (b'A', info) => {
                self.info = info;
                self.challenged(body)
            }
            (b'I', None) => {
                let (info, port) = answers::source(body)?;
                self.port = port;
                self.informed(info)
            }
            (b'm', None) => self.informed(answers::goldsrc(body)?),
            (b'D', Some(info)) => {
                self.info = Some(info.clone());
                Ok(Heard::Done(answers::with_players(info, body)?))
            }
            (_, info) => {
                self.info = info;
                Ok(Heard::More)
            }
        }
    }

    fn port(&self) -> Option<u16> {
        self.port
    }

    /// Some servers never say who is playing.
    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        self.info.take()
    }
}

/// The question for a server's description, with the challenge that the server has asked to be
/// repeated, if it has.
#[must_use]
pub fn question(challenge: Option<[u8; 4]>) -> Vec<u8> {
    let question = [WHOLE.as_slice(), b"TSource Engine Query\0"].concat();
    question
        .into_iter()
        .chain(challenge.into_iter().flatten())
        .collect()
}

/// A server's answer to [`question`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Told {
    /// It wants to be asked once more, with these bytes.
    Challenge([u8; 4]),
    /// What the list shows of it.
    Info(Box<ServerInfo>),
}

/// Reads an answer that has come whole; None if it is something else, or cut short.
#[must_use]
pub fn told(datagram: &[u8]) -> Option<Told> {
    let (kind, body) = datagram.strip_prefix(&WHOLE)?.split_first()?;
    match kind {
        b'A' => body.first_chunk().copied().map(Told::Challenge),
        b'I' => Some(Told::Info(Box::new(answers::source(body).ok()?.0))),
        b'm' => Some(Told::Info(Box::new(answers::goldsrc(body).ok()?))),
        _ => None,
    }
}

impl Valve {
    fn challenged(&mut self, body: &[u8]) -> Result<Heard, Unanswered> {
        let Some(challenge) = body.first_chunk() else {
            return Err(malformed("a challenge is cut short"));
        };
        self.challenges += 1;
        if self.challenges > MAX_CHALLENGES {
            return Err(malformed("every answer asks for another challenge"));
        }
        self.challenge = Some(*challenge);
        Ok(Heard::Say(self.open()))
    }

    fn informed(&mut self, info: ServerInfo) -> Result<Heard, Unanswered> {
        let info = Box::new(info);
        if info.players == Some(0) {
            return Ok(Heard::Done(info));
        }
        self.info = Some(info);
        Ok(Heard::Say(self.open()))
    }
}

fn malformed(what: &str) -> Unanswered {
    Unanswered::Malformed(what.to_owned())
}

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
        let mut question = WHOLE.to_vec();
        if self.info.is_none() {
            question.extend(b"TSource Engine Query\0");
            // Older servers know no challenges and want nothing in the place of one.
            question.extend(self.challenge.iter().flatten());
        } else {
            question.push(b'U');
            question.extend(self.challenge.unwrap_or([0xff; 4]));
        }
        question
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

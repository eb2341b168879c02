//! What is said to the servers.

use super::{answer::Answer, info};
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
};
use fastrand::Rng;
use metaserve::ServerInfo;

/// A request that is answered by one datagram: Quake and Quake II.
pub(super) struct Status {
    request: &'static [u8],
    word: &'static [u8],
    read: fn(&Answer<'_>) -> ServerInfo,
}

impl Status {
    pub(super) fn quake1() -> Self {
        Self {
            // Newer servers read the number: settings, players and teams, no spectators.
            request: b"\xff\xff\xff\xffstatus 19\n",
            word: b"n",
            read: info::quake1,
        }
    }

    pub(super) fn quake2() -> Self {
        Self {
            request: b"\xff\xff\xff\xffstatus\n",
            word: b"print",
            read: info::quake2,
        }
    }
}

impl Dialogue for Status {
    fn open(&mut self) -> Vec<u8> {
        self.request.to_vec()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let Some(answer) = Answer::read(datagram, self.word) else {
            return Ok(Heard::More);
        };
        Ok(Heard::Done(Box::new((self.read)(&answer?))))
    }
}

/// The requests of Quake III: the status has names and pings, but does not say whether somebody
/// with a ping of 0 is a bot, nor who sits in a private slot. Where that matters, the shorter
/// answer is asked for too. `DarkPlaces` says it all in its status, and answers only one request a
/// second.
pub(super) struct Quake3 {
    /// What the answer repeats, so that nobody else can have sent it.
    challenge: String,
    /// The status, once it is known.
    status: Option<Vec<u8>>,
}

impl Quake3 {
    pub(super) fn new(mut rng: Rng) -> Self {
        Self::with((0..10).map(|_| rng.alphanumeric()).collect())
    }

    pub(super) fn with(challenge: String) -> Self {
        let status = None;
        Self { challenge, status }
    }

    fn request(&self, word: &str) -> Vec<u8> {
        let mut request = b"\xff\xff\xff\xff".to_vec();
        request.extend(format!("{word} {}", self.challenge).bytes());
        request
    }

    /// The answer, unless it is one to somebody else. Old servers do not repeat the challenge.
    fn expected<'a>(
        &self,
        datagram: &'a [u8],
        word: &[u8],
    ) -> Result<Option<Answer<'a>>, Unanswered> {
        let answer = Answer::read(datagram, word).transpose()?;
        let ours = |told: &[u8]| told == self.challenge.as_bytes();
        Ok(answer.filter(|it| it.get("challenge").is_none_or(ours)))
    }
}

impl Dialogue for Quake3 {
    fn open(&mut self) -> Vec<u8> {
        self.request("getstatus")
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        if let Some(status) = &self.status {
            let Some(short) = self.expected(datagram, b"infoResponse")? else {
                return Ok(Heard::More);
            };
            let status = super::status_response(status)?;
            return Ok(Heard::Done(Box::new(info::quake3(&status, Some(&short)))));
        }
        let Some(status) = self.expected(datagram, b"statusResponse")? else {
            return Ok(Heard::More);
        };
        if info::is_exact(&status) {
            return Ok(Heard::Done(Box::new(status.server_info())));
        }
        self.status = Some(datagram.to_vec());
        Ok(Heard::Say(self.request("getinfo")))
    }

    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        let status = super::status_response(self.status.as_deref()?).ok()?;
        Some(Box::new(status.server_info()))
    }
}

//! Teeworlds 0.7, which `DDNet` answers as well.
//!
//! Seen on Debian 12's `teeworlds-server` 0.7.5 and `ddnet-server` 16.4, with players. From memory:
//! how those who look on and bots are marked.
//!
//! ```text
//!  > 04 00 00 FFFFFFFF 05 ours(4), 508 zero bytes         the answer is shorter than the question
//!  < 04 00 00 ours(4)  05 theirs(4)
//!  > 21 theirs(4) ours(4) FFFFFFFF "gie3" token
//!  < 21 ours(4) theirs(4) FFFFFFFF "inf3" token, server, players
//! ```
//!
//! Numbers take 1 to 5 bytes: a bit that says whether another one follows, in the first byte a
//! sign, and the rest of the bits, lowest first.

use super::{Described, malformed, packets, player};
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    reader::Reader,
};
use metaserve::{Player, ServerInfo};

/// How many players are kept; there are 64 at most.
const MAX_PLAYERS: usize = 256;

/// The flags of a server: who joins needs a password, and scores are times.
const PASSWORD: i64 = 1;
const TIMES: i64 = 2;

/// A number that the answer repeats. Below 64, so that it has one byte.
const ASKED: u8 = 5;

pub(super) struct Seven {
    ours: [u8; 4],
}

impl Seven {
    pub(super) fn new(seed: u32) -> Self {
        // All bits set means that there is no token.
        let ours = (seed & 0x7fff_ffff).to_be_bytes();
        Self { ours }
    }

    /// What follows the mark of the answer to the second question.
    fn answer<'a>(&self, datagram: &'a [u8]) -> Option<Reader<'a>> {
        let message = packets::Message::read(datagram)?;
        (message.to == self.ours).then_some(())?;
        answer(&message)
    }
}

pub(super) fn question(theirs: packets::Token, ours: packets::Token) -> Vec<u8> {
    packets::message(theirs, ours, *b"gie3", &[ASKED])
}

pub(super) fn described(message: &packets::Message<'_>) -> Option<ServerInfo> {
    server(&mut answer(message)?)
}

/// What follows the number in the answer to [`question`].
fn answer<'a>(message: &packets::Message<'a>) -> Option<Reader<'a>> {
    (message.kind == *b"inf3").then_some(())?;
    let mut packet = Reader::new(message.rest);
    (number(&mut packet)? == i64::from(ASKED)).then_some(packet)
}

impl Dialogue for Seven {
    /// Always the first question: a server that was started again has another token.
    fn open(&mut self) -> Vec<u8> {
        packets::token_request(self.ours)
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        if let Some(theirs) = packets::token_given(datagram, self.ours) {
            return Ok(Heard::Say(question(theirs, self.ours)));
        }
        let Some(mut answer) = self.answer(datagram) else {
            return Ok(Heard::More);
        };
        let info = server(&mut answer);
        let info = info.ok_or_else(|| malformed("its description is cut short"))?;
        Ok(Heard::Done(Box::new(info)))
    }
}

fn server(packet: &mut Reader<'_>) -> Option<ServerInfo> {
    let version = packet.text()?;
    let name = packet.text()?;
    packet.text()?; // The name of its host.
    let map = packet.text()?;
    let mode = packet.text()?;
    let flags = number(packet)?;
    number(packet)?; // How good its players are.
    let players = number(packet)?;
    let max_players = number(packet)?;
    number(packet)?; // Players and those who look on.
    number(packet)?; // How many there can be.
    let described = Described {
        version,
        name,
        map,
        mode,
        password: flags & PASSWORD != 0,
        players,
        max_players,
    };
    let none = (flags & TIMES != 0).then_some(-1);
    Some(ServerInfo {
        player_list: who_plays(none, packet),
        ..described.into()
    })
}

/// Those who play: not who looks on, and no bots. This score is that of who has none.
fn who_plays(none: Option<i64>, packet: &mut Reader<'_>) -> Vec<Player> {
    let client = || {
        let name = packet.text()?;
        packet.text()?; // The clan.
        number(packet)?; // The country.
        let score = Some(number(packet)?).filter(|it| Some(*it) != none);
        let plays = number(packet)? == 0;
        Some(plays.then(|| player(name, score)))
    };
    let clients = std::iter::from_fn(client).take(MAX_PLAYERS);
    clients.flatten().collect()
}

fn number(packet: &mut Reader<'_>) -> Option<i64> {
    let first = packet.byte()?;
    let mut number = i64::from(first & 0x3f);
    let mut more = first & 0x80 != 0;
    for shift in [6, 13, 20, 27] {
        if !more {
            break;
        }
        let byte = packet.byte()?;
        number |= i64::from(byte & 0x7f) << shift;
        more = byte & 0x80 != 0;
    }
    // The game has 32 bits for it: what is above them is lost.
    number &= i64::from(i32::MAX);
    Some(if first & 0x40 == 0 { number } else { !number })
}

//! The first Quake's own protocol, of Quake, `DarkPlaces` and `QuakeSpasm`.
//!
//! A control packet has its length in four bytes, whose highest bit is set, and a byte that says
//! what it is; texts end with a zero. The first request is what `quakestat` sends; the rest is from
//! memory.
//!
//! ```text
//! 02 "QUAKE" 03        → 83 address name map players max version
//! 03 number            → 84 number name colours score seconds address
//! ```

use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    text::{glyphs, some, tidy},
};
use metaserve::{Player, ServerInfo};

const SERVER_INFO: u8 = 0x02;
const PLAYER_INFO: u8 = 0x03;
/// What an answer has in addition to its request.
const ANSWER: u8 = 0x81;

/// The server, and then its players, one after the other.
#[derive(Default)]
pub(super) struct Players {
    /// What is known so far.
    info: Option<Box<ServerInfo>>,
    /// The number of the player who is asked about.
    next: u8,
    /// How many there are.
    count: u8,
}

impl Dialogue for Players {
    fn open(&mut self) -> Vec<u8> {
        request(SERVER_INFO, b"QUAKE\0\x03")
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let [0x80, 0, _, _, kind, rest @ ..] = datagram else {
            return Ok(Heard::More);
        };
        let short = || Unanswered::Malformed("it is too short".into());
        match (&mut self.info, kind.checked_sub(ANSWER)) {
            (None, Some(SERVER_INFO)) => {
                let (info, count) = server(rest).ok_or_else(short)?;
                self.info = Some(Box::new(info));
                self.count = count;
            }
            (Some(info), Some(PLAYER_INFO)) if rest.first() == Some(&self.next) => {
                info.player_list.push(player(rest).ok_or_else(short)?);
                self.next += 1;
            }
            _ => return Ok(Heard::More),
        }
        if self.next < self.count {
            return Ok(Heard::Say(request(PLAYER_INFO, &[self.next])));
        }
        Ok(self.info.take().map_or(Heard::More, Heard::Done))
    }

    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        self.info.take()
    }
}

/// A control packet.
fn request(kind: u8, text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(5 + text.len()).unwrap_or(u8::MAX);
    [&[0x80, 0, 0, length, kind], text].concat()
}

/// The server, and how many players it has.
fn server(answer: &[u8]) -> Option<(ServerInfo, u8)> {
    let (_address, rest) = text(answer)?;
    let (name, rest) = text(rest)?;
    let (map, rest) = text(rest)?;
    let [players, max, ..] = *rest else {
        return None;
    };
    let info = ServerInfo {
        map: some(map),
        players: Some(players.into()),
        max_players: Some(max.into()),
        ..ServerInfo::new(name)
    };
    Some((info, players))
}

/// A player. Their address is left out.
fn player(answer: &[u8]) -> Option<Player> {
    let (_number, rest) = answer.split_first()?;
    let (name, rest) = text(rest)?;
    let (score, _) = rest.get(4..)?.split_first_chunk()?;
    Some(Player {
        score: Some(i32::from_le_bytes(*score).into()),
        ..Player::new(name)
    })
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (text, rest) = bytes.split_at(end);
    Some((tidy(&glyphs(text)), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &[u8] = b"\x80\0\0\x24\x8310.0.0.1:26000\0Old \xd1uake\0e1m1\0\x02\x08\x03";

    fn player(number: u8, name: &[u8]) -> Vec<u8> {
        // Colours, score, seconds and address.
        let end = b"\x04\0\0\0\xfd\xff\xff\xff\x09\0\0\x0010.0.0.7:26000\0";
        [&[0x80, 0, 0, 0, 0x84, number], name, b"\0", end].concat()
    }

    #[test]
    fn the_server_is_asked_for_each_of_its_players() {
        let mut dialogue = Players::default();
        assert_eq!(dialogue.open(), b"\x80\0\0\x0c\x02QUAKE\0\x03");
        let next = dialogue.hear(SERVER).unwrap();
        assert_eq!(next, Heard::Say(b"\x80\0\0\x06\x03\0".to_vec()));
        // The answer to a request that was repeated.
        assert_eq!(dialogue.hear(SERVER).unwrap(), Heard::More);
        let next = dialogue.hear(&player(0, b"Ana")).unwrap();
        assert_eq!(next, Heard::Say(b"\x80\0\0\x06\x03\x01".to_vec()));
        assert_eq!(dialogue.hear(&player(0, b"Ana")).unwrap(), Heard::More);
        let Heard::Done(info) = dialogue.hear(&player(1, b"\xc2\xef")).unwrap() else {
            panic!("that was the last one");
        };
        let named = |name| Player {
            score: Some(-3),
            ..Player::new(name)
        };
        let expected = ServerInfo {
            map: Some("e1m1".into()),
            players: Some(2),
            max_players: Some(8),
            player_list: vec![named("Ana"), named("Bo")],
            ..ServerInfo::new("Old Quake")
        };
        assert_eq!(*info, expected);
    }

    #[test]
    fn players_who_are_not_told_are_left_out() {
        let mut dialogue = Players::default();
        dialogue.open();
        dialogue.hear(SERVER).unwrap();
        let info = dialogue.settle().unwrap();
        assert_eq!((info.players, info.player_list.len()), (Some(2), 0));
    }

    #[test]
    fn an_answer_that_is_cut_is_reported() {
        for length in 5..SERVER.len() - 2 {
            let cut = &SERVER[..length];
            assert!(Players::default().hear(cut).is_err(), "{length}");
        }
        assert_eq!(Players::default().hear(b"\x80\0\0").unwrap(), Heard::More);
    }
}

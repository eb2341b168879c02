//! Mumble: how many people are on a server. Its name and channels are told to its users only, so
//! that the name is the one that the operator gives it.
//!
//! The ping is seen on Debian 12's `mumble-server` 1.3.4, without users; newer servers answer it too (from
//! memory). All numbers are big-endian.
//!
//! ```text
//!  > 00000000  ours(8)
//!  < 00 version(3)  ours(8)  users(4)  most users(4)  bits per second(4)
//! ```

use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    reader::Reader,
};
use fastrand::Rng;
use metaserve::ServerInfo;

pub(crate) fn dialogue(mut rng: Rng) -> Box<dyn Dialogue> {
    Box::new(Mumble(rng.u64(..).to_be_bytes()))
}

/// What the answer repeats.
struct Mumble([u8; 8]);

impl Dialogue for Mumble {
    fn open(&mut self) -> Vec<u8> {
        [&[0; 4][..], &self.0].concat()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let answer = || {
            let mut answer = Reader::new(datagram);
            let [_, major, minor, patch] = answer.array()?;
            answer.exactly(&self.0)?;
            let players = u32::from_be_bytes(answer.array()?);
            let max_players = u32::from_be_bytes(answer.array()?);
            Some(ServerInfo {
                players: Some(players),
                max_players: Some(max_players),
                version: Some(format!("{major}.{minor}.{patch}")),
                ..ServerInfo::default()
            })
        };
        Ok(answer().map_or(Heard::More, |info| Heard::Done(Box::new(info))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `users=42` in the settings, and nobody there.
    const RECORDED: &[u8; 24] = b"\0\x01\x03\x04ABCDEFGH\0\0\0\0\0\0\0\x2a\0\x01\x19\x40";

    #[test]
    fn a_recorded_answer_says_how_many_can_be_there() {
        let mut asked = Mumble(*b"ABCDEFGH");
        assert_eq!(asked.open(), b"\0\0\0\0ABCDEFGH");
        let Ok(Heard::Done(info)) = asked.hear(RECORDED) else {
            panic!("it is complete");
        };
        let said = (info.occupancy().unwrap(), info.version.as_deref().unwrap());
        assert_eq!(said, ("0/42".to_owned(), "1.3.4"));
        let mut with_people = *RECORDED;
        with_people[12..16].copy_from_slice(&[0, 0, 1, 3]);
        let Ok(Heard::Done(info)) = asked.hear(&with_people) else {
            panic!("it is complete");
        };
        assert_eq!(info.players, Some(259));
    }

    #[test]
    fn another_answer_is_passed_over() {
        let mut asked = Mumble(*b"ABCDEFGI");
        assert_eq!(asked.hear(RECORDED).unwrap(), Heard::More);
        for length in 0..20 {
            let heard = Mumble(*b"ABCDEFGH").hear(&RECORDED[..length]).unwrap();
            assert_eq!(heard, Heard::More, "{length}");
        }
    }
}

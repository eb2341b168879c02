//! Luanti (Minetest): whether a server is there, and what it announces about itself.
//!
//! The ping is that of the specification of the list, section 5,
//! and recorded from Debian 12's `minetest-server` 5.6.1. It says nothing about the server, which
//! tells its name and players by its announcement alone: [`Announcement`].
//!
//! ```text
//!  > 4F457403 0000 00 01                                   an empty message of nobody yet
//!  < 4F457403 0001 00 03 FFDC 00 01 peer(2)                whom it takes us for
//!  > 4F457403 peer(2) 00 00 03                             and that we have left
//! ```

mod announcement;

pub use announcement::{Announcement, InvalidAnnouncement, Said};

use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    reader::Reader,
};
use fastrand::Rng;

/// Begins every packet, and names the protocol.
const PROTOCOL: [u8; 4] = [0x4f, 0x45, 0x74, 0x03];

pub(crate) fn dialogue(_: Rng) -> Box<dyn Dialogue> {
    Box::<Luanti>::default()
}

#[derive(Default)]
struct Luanti {
    /// Whom the server takes us for.
    peer: Option<[u8; 2]>,
}

impl Dialogue for Luanti {
    fn open(&mut self) -> Vec<u8> {
        [&PROTOCOL[..], &[0, 0, 0, 1]].concat()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        self.peer = peer(datagram);
        Ok(match self.peer {
            Some(_) => Heard::Done(Box::default()),
            None => Heard::More,
        })
    }

    /// Without it the server keeps a place for us, and repeats its answer twice a second.
    fn leave(&mut self) -> Option<Vec<u8>> {
        let peer = self.peer?;
        Some([&PROTOCOL[..], &peer, &[0, 0, 3]].concat())
    }
}

fn peer(datagram: &[u8]) -> Option<[u8; 2]> {
    let mut packet = Reader::new(datagram);
    packet.exactly(&PROTOCOL)?;
    packet.array::<8>()?;
    packet.array()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: [u8; 14] = [
        0x4f, 0x45, 0x74, 0x03, 0x00, 0x01, 0x00, 0x03, 0xff, 0xdc, 0x00, 0x01, 0x00, 0x02,
    ];

    #[test]
    fn a_server_that_answers_is_there_and_told_that_we_have_left() {
        let mut asked = Luanti::default();
        assert_eq!(asked.open(), [0x4f, 0x45, 0x74, 0x03, 0, 0, 0, 1]);
        let heard = asked.hear(&RECORDED).unwrap();
        assert_eq!(heard, Heard::Done(Box::default()));
        let bye = [0x4f, 0x45, 0x74, 0x03, 0, 2, 0, 0, 3];
        assert_eq!(asked.leave().as_deref(), Some(&bye[..]));
    }

    #[test]
    fn another_protocol_is_no_answer() {
        let mut other = RECORDED;
        other[3] = 4;
        let cut = &RECORDED[..13];
        for datagram in [&other[..], cut, b""] {
            let mut asked = Luanti::default();
            assert_eq!(asked.hear(datagram).unwrap(), Heard::More);
            assert_eq!(asked.leave(), None);
        }
    }
}

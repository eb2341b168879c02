//! The first Quake's own protocol.

use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
};
use metaserve::ServerInfo;

/// The server, and then its players.
#[derive(Default)]
pub(super) struct Players {
    /// What is known so far.
    info: Option<ServerInfo>,
}

const REQUEST: &[u8] = b"\x80\x00\x00\x0c\x02QUAKE\0\x03";

impl Dialogue for Players {
    fn open(&mut self) -> Vec<u8> {
        REQUEST.to_vec()
    }

    fn hear(&mut self, _datagram: &[u8]) -> Result<Heard, Unanswered> {
        Ok(Heard::More)
    }

    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        self.info.take().map(Box::new)
    }
}

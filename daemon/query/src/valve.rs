//! Source and `GoldSrc`.

use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
};
use fastrand::Rng;

struct Nothing;

impl Dialogue for Nothing {
    fn open(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn hear(&mut self, _datagram: &[u8]) -> Result<Heard, Unanswered> {
        Ok(Heard::More)
    }
}

pub(crate) fn dialogue(_rng: Rng) -> Box<dyn Dialogue> {
    Box::new(Nothing)
}

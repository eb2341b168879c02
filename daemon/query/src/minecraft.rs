//! Minecraft.

use crate::{
    Target, Unanswered,
    dialogue::{Call, Dialogue, Heard},
    text::Codes,
};
use fastrand::Rng;

struct Nothing;

impl Dialogue for Nothing {
    fn open(&mut self) -> Vec<u8> {
        Codes::Minecraft.strip("").into_bytes()
    }

    fn hear(&mut self, _datagram: &[u8]) -> Result<Heard, Unanswered> {
        Ok(Heard::More)
    }
}

pub(crate) fn dialogue(_rng: Rng) -> Box<dyn Dialogue> {
    Box::new(Nothing)
}

pub(crate) fn calls(_target: &Target) -> Vec<Call> {
    Vec::new()
}

//! Transcripts of masters of server lists, and what plays them.

mod bytes;
mod player;
mod script;

pub(crate) use self::{player::Player, script::Transcript};

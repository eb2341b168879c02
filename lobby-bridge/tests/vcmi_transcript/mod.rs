//! Plays recorded conversations of the VCMI lobby: `script.rs` is what they say, `player.rs` says
//! it.

mod player;
mod script;

pub(crate) use player::Player;
pub(crate) use script::Transcript;

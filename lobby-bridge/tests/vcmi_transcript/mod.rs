//! Plays recorded conversations with the VCMI lobby: `script.rs` has their format, `player.rs`
//! plays them.

mod player;
mod script;

pub(crate) use player::Player;
pub(crate) use script::Transcript;

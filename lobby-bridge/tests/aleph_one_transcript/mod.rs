//! Plays recorded conversations with a hall. The format is `myth-transcript/1`.

mod game_host;
mod lists;
mod player;
mod script;
mod template;

pub(crate) use player::Player;
pub(crate) use script::Transcript;

//! The Myth metaserver as players of Aleph One use it.

pub mod codec;
pub mod connectivity;
pub mod description;
pub mod https;
pub mod listing;
pub mod received;
pub mod scramble;
pub mod sent;
pub mod text;

use std::fmt;

/// A player for as long as he is logged in (section 11 of the specification).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// A game for as long as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameId(pub u32);

/// Red, green and blue, each over the whole range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rgb(pub [u16; 3]);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

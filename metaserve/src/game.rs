//! The namespace of a server: which game it belongs to.

use std::{fmt, str::FromStr, sync::Arc};

/// The tag of a game, such as `openarena`: servers and clients of different games do not see
/// each other. Cheap to clone.
///
/// 1 to 64 bytes of UTF-8 without control characters; upper and lower case differ. A server
/// that names no game belongs to the game `default`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Game(Arc<str>);

/// A text is not usable as a [`Game`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a game tag has 1 to {} bytes and no control characters, unlike {tag:?}",
    Game::MAX_BYTES
)]
pub struct InvalidGame {
    /// The beginning of the refused text.
    pub tag: String,
}

impl Game {
    /// The longest tag, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The tag `tag` stands for.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_BYTES`](Self::MAX_BYTES), or holds a control character.
    pub fn new(tag: &str) -> Result<Self, InvalidGame> {
        let fits = (1..=Self::MAX_BYTES).contains(&tag.len());
        if !fits || tag.chars().any(char::is_control) {
            let end = tag.floor_char_boundary(Self::MAX_BYTES);
            return Err(InvalidGame {
                tag: tag[..end].to_owned(),
            });
        }
        Ok(Self(tag.into()))
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Game {
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for Game {
    type Err = InvalidGame;

    fn from_str(tag: &str) -> Result<Self, InvalidGame> {
        Self::new(tag)
    }
}

impl fmt::Display for Game {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_bounded_and_printable() {
        let table = [
            ("a".to_owned(), true),
            ("x".repeat(64), true),
            ("Aleph One ∞".to_owned(), true),
            (String::new(), false),
            ("x".repeat(65), false),
            ("line\nbreak".to_owned(), false),
        ];
        for (tag, fits) in table {
            assert_eq!(Game::new(&tag).is_ok(), fits, "{tag:?}");
        }
    }
}

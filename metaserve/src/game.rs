//! The namespace of a server: the game that it belongs to.

use crate::{
    sentence::debug_as_sentence,
    unseen::{is_private, is_space, is_unseen},
};
use std::{fmt, str::FromStr, sync::Arc};

/// The tag of a game, such as `openarena`. Servers and clients of different games do not see each
/// other. Cheap to clone.
///
/// A tag has 1 to 64 bytes of visible UTF-8 text, with single spaces between words: no control or
/// format characters, no line separators, no white space except U+0020, no private use. Upper and
/// lower case differ. `docs/reference/protocol.md`, "Game tags", has the exact rule. A server that
/// names no game belongs to the game `default`.
///
/// ```
/// use metaserve::Game;
///
/// let game: Game = "openarena".parse()?;
/// assert_eq!(game.as_str(), "openarena");
/// assert!("two\nlines".parse::<Game>().is_err());
/// # Ok::<(), metaserve::InvalidGame>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Game(Arc<str>);

/// The text is not a [`Game`] tag.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tag:?} is not a game tag: {problem}; a tag is 1 to {} bytes of visible text",
    Game::MAX_BYTES
)]
pub struct InvalidGame {
    /// The beginning of the refused text.
    pub tag: String,
    problem: Problem,
}

debug_as_sentence!(InvalidGame);

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Length(usize),
    Character(char),
    Spaces,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(bytes) => write!(f, "it has {bytes} bytes"),
            Self::Character(c) => write!(f, "it contains U+{:04X}", u32::from(*c)),
            Self::Spaces => f.write_str("it begins or ends with a space, or has two in a row"),
        }
    }
}

impl Game {
    /// The longest tag, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The game with this tag.
    ///
    /// # Errors
    /// When the tag is empty, longer than [`MAX_BYTES`](Self::MAX_BYTES), or not all visible text.
    pub fn new(tag: &str) -> Result<Self, InvalidGame> {
        let problem = if !(1..=Self::MAX_BYTES).contains(&tag.len()) {
            Problem::Length(tag.len())
        } else if let Some(c) = tag.chars().find(|c| !may_be_in_a_tag(*c)) {
            Problem::Character(c)
        } else if tag.split(' ').any(str::is_empty) {
            Problem::Spaces
        } else {
            return Ok(Self(tag.into()));
        };
        let tag = tag[..tag.floor_char_boundary(Self::MAX_BYTES)].to_owned();
        Err(InvalidGame { tag, problem })
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the character is visible to every reader of the tag, and cannot be mistaken for
/// another.
fn may_be_in_a_tag(c: char) -> bool {
    c == ' ' || !(c.is_control() || is_unseen(c) || is_space(c) || is_private(c))
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
    fn tags_are_bounded_and_visible() {
        let table = [
            ("a".to_owned(), true),
            ("x".repeat(64), true),
            ("Aleph One ∞".to_owned(), true),
            ("東京 خادم 👾 e\u{301}".to_owned(), true),
            // Not assigned in Unicode so far: implementations differ.
            ("\u{378}".to_owned(), true),
            (String::new(), false),
            ("x".repeat(65), false),
            ("line\nbreak".to_owned(), false),
            ("\u{85}".to_owned(), false),
            // Would be displayed as "ab", as "ba", or as two tags that look the same.
            ("a\u{202e}b".to_owned(), false),
            ("a\u{200b}b".to_owned(), false),
            ("a\u{2066}b".to_owned(), false),
            ("a\u{feff}".to_owned(), false),
            ("\u{2028}".to_owned(), false),
            ("a\u{2029}b".to_owned(), false),
            ("\u{3164}".to_owned(), false),
            ("❤\u{fe0f}".to_owned(), false),
            ("a\u{e0001}".to_owned(), false),
            ("a\u{a0}b".to_owned(), false),
            ("a\u{3000}b".to_owned(), false),
            ("\u{2800}".to_owned(), false),
            ("\u{e000}".to_owned(), false),
            ("\u{ffff}".to_owned(), false),
            (" lead".to_owned(), false),
            ("trail ".to_owned(), false),
            ("two  spaces".to_owned(), false),
        ];
        for (tag, fits) in table {
            let game = Game::new(&tag).ok();
            assert_eq!(game.is_some(), fits, "{tag:?}");
            assert_eq!(tag.parse::<Game>().ok(), game);
            let same = |game: Game| game.as_str() == tag && game.to_string() == tag;
            assert!(game.is_none_or(same));
        }
    }

    #[test]
    fn a_refused_tag_is_shown_with_its_bad_characters_escaped() {
        let complaint = |tag: &str| Game::new(tag).unwrap_err().to_string();
        let seen = complaint("a\u{202e}b");
        assert!(
            seen.contains(r"a\u{202e}b") && seen.contains("U+202E"),
            "{seen}"
        );
        let shown = complaint(&"\u{1}".repeat(64));
        assert!(shown.len() <= crate::Close::MAX_REASON_BYTES, "{shown}");
    }
}

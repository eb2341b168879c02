//! What can be claimed, and the beginnings of it.

use std::{borrow::Borrow, fmt, sync::Arc};

/// What is claimed: 1 to 255 bytes of UTF-8 without control characters, with `/` between parts by
/// convention. Cheap to clone.
///
/// ```
/// use metaserve::names::{Key, Prefix};
///
/// let key = Key::new("zone/shared/meadow")?;
/// assert!(Prefix::new("zone/")?.covers(&key));
/// assert!(Key::new("").is_err() && Key::new("a\nb").is_err());
/// # Ok::<(), metaserve::names::InvalidKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// The beginning of keys: as a [`Key`], or empty, which is the beginning of all. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Arc<str>);

/// Why a text is not a [`Key`] or [`Prefix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// A key is not empty.
    #[error("a key has 1 to {max} bytes, and this one is empty", max = Key::MAX_BYTES)]
    Empty,
    /// It is too long.
    #[error("a key has 1 to {max} bytes, and this one has {0}", max = Key::MAX_BYTES)]
    TooLong(usize),
    /// It contains a control character.
    #[error("a key has no control characters, and this one contains U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
}

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// The key with this text.
    ///
    /// # Errors
    /// When it is empty, too long, or has a control character.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        check(text).map(Self)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Prefix {
    /// The prefix with this text.
    ///
    /// # Errors
    /// When it is too long, or has a control character.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        check(text).map(Self)
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key begins with it.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        key.as_str().starts_with(self.as_str())
    }
}

fn check(text: &str) -> Result<Arc<str>, InvalidKey> {
    if text.len() > Key::MAX_BYTES {
        return Err(InvalidKey::TooLong(text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(InvalidKey::ControlCharacter(c)),
        None => Ok(text.into()),
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Prefix {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_without_control_characters() {
        for (text, wrong) in [
            ("a".to_owned(), None),
            ("zone/shared/meadow".to_owned(), None),
            ("x".repeat(255), None),
            ("Wiese ∞".to_owned(), None),
            (String::new(), Some(InvalidKey::Empty)),
            ("x".repeat(256), Some(InvalidKey::TooLong(256))),
            ("a\0".to_owned(), Some(InvalidKey::ControlCharacter('\0'))),
            (
                "\u{85}".to_owned(),
                Some(InvalidKey::ControlCharacter('\u{85}')),
            ),
        ] {
            assert_eq!(Key::new(&text).err(), wrong, "{text:?}");
            let wrong = wrong.filter(|wrong| *wrong != InvalidKey::Empty);
            assert_eq!(Prefix::new(&text).err(), wrong, "{text:?}");
        }
        let seen = Key::new("a\n").unwrap_err().to_string();
        assert!(seen.ends_with("contains U+000A"), "{seen}");
    }
}

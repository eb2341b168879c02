//! What a server sends: `\key\value\key\value` and lines of players. Nothing is copied.

use super::people::Person;
use crate::{Unanswered, text};
use metaserve::ServerInfo;

/// What every datagram of these protocols begins with.
const MARK: &[u8] = b"\xff\xff\xff\xff";

/// A server's answer: its settings, and who is on it.
///
/// Reading takes time and memory in proportion to the datagram.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// Keys with their values, in the server's order.
    settings: Vec<(&'a [u8], &'a [u8])>,
    /// The lines of players.
    people: Vec<Person<'a>>,
}

impl<'a> Answer<'a> {
    /// Reads a datagram whose text begins with `word`; None if it is another message.
    ///
    /// # Errors
    /// When the settings are missing.
    pub(super) fn read(datagram: &'a [u8], word: &[u8]) -> Option<Result<Self, Unanswered>> {
        let text = datagram.strip_prefix(MARK)?.strip_prefix(word)?;
        Some(Self::of(text))
    }

    /// Reads settings and, in further lines, players.
    pub(super) fn of(text: &'a [u8]) -> Result<Self, Unanswered> {
        // The settings are in the same line in Quake, and in the next one since Quake II.
        let begin = text.iter().position(|byte| !byte.is_ascii_whitespace());
        let text = begin.and_then(|begin| text.get(begin..));
        let Some(text) = text.and_then(|text| text.strip_prefix(b"\\")) else {
            let missing = "it has no settings, which begin with a backslash";
            return Err(Unanswered::Malformed(missing.into()));
        };
        let mut lines = text.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        let mut words = first.trim_ascii_end().split(|byte| *byte == b'\\');
        let mut settings = Vec::new();
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            settings.push((key, value));
        }
        let people = lines.filter_map(Person::read).collect();
        Ok(Self { settings, people })
    }

    /// The value of a setting, byte for byte. Keys are compared without case, as the engines do: a
    /// setting keeps the spelling of whoever sets it first. Of a repeated key the first value
    /// counts.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let mut settings = self.settings.iter();
        let found = settings.find(|(it, _)| it.eq_ignore_ascii_case(key.as_bytes()));
        found.map(|(_, value)| *value)
    }

    /// All settings, in the server's order.
    pub fn settings(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.settings.iter().copied()
    }

    /// What the list shows of the server. Of a server without a name, the name is empty.
    #[must_use]
    pub fn server_info(&self) -> ServerInfo {
        super::info::quake3(self, None)
    }

    /// The value of the first of these keys that has one and is not empty.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&'a [u8]> {
        let values = keys.iter().filter_map(|key| self.get(key));
        values.map(<[u8]>::trim_ascii).find(|it| !it.is_empty())
    }

    /// The number that is the value of a key, also if it is written as `8.0`; one below 0 is 0.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        let number = text::number(self.get(key)?)?;
        number.max(0).try_into().ok()
    }

    pub(super) fn people(&self) -> &[Person<'a>] {
        &self.people
    }
}

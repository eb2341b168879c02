//! The lines of players.
//!
//! ```text
//! Quake:              id score minutes ping "name" "skin" top bottom ["team"]
//! Quake II and III:   score ping "name"
//! DarkPlaces:         score ping [team] "name"
//! ```

/// A player's line: words and numbers, then names in quotation marks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Person<'a> {
    /// The words before the first name.
    words: [&'a [u8]; 4],
    /// What is in quotation marks: a name, and in Quake skin and team.
    quoted: [Option<&'a [u8]>; 3],
}

impl<'a> Person<'a> {
    /// Reads a line; None if it does not begin with a number.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.split(|byte| *byte == b'"');
        let numbers = parts.next().unwrap_or_default();
        let mut all = numbers.split(u8::is_ascii_whitespace);
        let words = [(); 4].map(|()| all.find(|it| !it.is_empty()).unwrap_or_default());
        let mut quoted = [None; 3];
        for name in &mut quoted {
            *name = parts.next();
            // What is between two names.
            parts.next();
        }
        let it = Self { words, quoted };
        it.number(0).map(|_| it)
    }

    /// The number at a place in front of the name.
    pub(super) fn number(&self, place: usize) -> Option<i64> {
        let word = str::from_utf8(self.word(place)).ok()?;
        word.parse().ok()
    }

    /// The word at a place in front of the name; empty if there is none.
    pub(super) fn word(&self, place: usize) -> &'a [u8] {
        self.words.get(place).copied().unwrap_or_default()
    }

    /// The player's name.
    pub(super) fn name(&self) -> &'a [u8] {
        let [name, ..] = self.quoted;
        name.unwrap_or_default()
    }

    /// The team's name, in `QuakeWorld`.
    pub(super) fn team(&self) -> Option<&'a [u8]> {
        let [.., team] = self.quoted;
        team
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_numbers_and_names() {
        let quake = Person::read(b"1 5 3 40 \"Ana\" \"base\" 4 4 \"red\"").unwrap();
        assert_eq!((quake.number(1), quake.number(3)), (Some(5), Some(40)));
        assert_eq!(
            (quake.name(), quake.team()),
            (&b"Ana"[..], Some(&b"red"[..]))
        );
        let quake3 = Person::read(b"-3 48 \"two words\"").unwrap();
        assert_eq!((quake3.number(0), quake3.number(1)), (Some(-3), Some(48)));
        assert_eq!((quake3.name(), quake3.team()), (&b"two words"[..], None));
    }

    #[test]
    fn a_line_without_a_number_is_none() {
        for line in [&b""[..], b"\0", b"\"Ana\"", b"x 5 \"Ana\"", b" "] {
            assert_eq!(Person::read(line), None, "{line:?}");
        }
        // Somebody without a name is somebody.
        assert_eq!(Person::read(b"5 40").map(|it| it.name()), Some(&b""[..]));
        assert_eq!(
            Person::read(b"5 40 \"cut").map(|it| it.name()),
            Some(&b"cut"[..])
        );
    }
}

//! Colour codes. Each family of engines has its own.

/// How a game writes colours into text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codes {
    /// Quake III and ioquake3: `^` and a letter or digit.
    Quake3,
    /// Wolfenstein and Enemy Territory: `^` and any visible character but `^`.
    Wolfenstein,
    /// `DarkPlaces`, such as Xonotic: `^` and a digit, `^xRGB`; `^^` is one `^`.
    DarkPlaces,
    /// Warsow and its relatives: `^` and a digit; `^^` is one `^`.
    Qfusion,
    /// Unvanquished: as Quake III, and `^xRGB`, `^#RRGGBB`, `^*` and `^;`; `^^` is one `^`.
    Daemon,
    /// `QuakeWorld`: `&cRGB` and `&r`.
    QuakeWorld,
    /// Minecraft: `§` and any character.
    Minecraft,
}

impl Codes {
    /// The text without colour codes.
    pub(crate) fn strip(self, text: &str) -> String {
        let mark = match self {
            Self::Minecraft => '§',
            Self::QuakeWorld => '&',
            _ => '^',
        };
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(mark) {
            plain.push_str(before);
            match self.code(after) {
                Some(length) => rest = after.get(length..).unwrap_or_default(),
                None if self.doubles() && after.starts_with(mark) => {
                    plain.push(mark);
                    rest = after.get(mark.len_utf8()..).unwrap_or_default();
                }
                None => {
                    plain.push(mark);
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        plain
    }

    /// The length of the code that `text`, which follows a mark, begins with.
    fn code(self, text: &str) -> Option<usize> {
        let next = text.chars().next()?;
        let digits = |from, count| {
            let digits = text.as_bytes().get(from..from + count)?;
            let hex = digits.iter().all(u8::is_ascii_hexdigit);
            hex.then_some(from + count)
        };
        match (self, next) {
            (Self::Minecraft, _) => Some(next.len_utf8()),
            (Self::QuakeWorld, 'r') => Some(1),
            (Self::QuakeWorld, 'c') => digits(1, 3),
            (Self::QuakeWorld, _) => None,
            (Self::DarkPlaces | Self::Daemon, 'x') if digits(1, 3).is_some() => Some(4),
            (Self::DarkPlaces | Self::Qfusion, _) => next.is_ascii_digit().then_some(1),
            (Self::Daemon, '#') => digits(1, 6),
            (Self::Daemon, '*' | ';') => Some(1),
            (Self::Quake3 | Self::Daemon, _) => next.is_ascii_alphanumeric().then_some(1),
            (Self::Wolfenstein, _) => (next.is_ascii_graphic() && next != '^').then_some(1),
        }
    }

    /// Whether two marks in a row are one that is seen.
    fn doubles(self) -> bool {
        matches!(self, Self::DarkPlaces | Self::Qfusion | Self::Daemon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Codes; 7] = [
        Codes::Quake3,
        Codes::Wolfenstein,
        Codes::DarkPlaces,
        Codes::Qfusion,
        Codes::Daemon,
        Codes::QuakeWorld,
        Codes::Minecraft,
    ];

    #[test]
    fn only_colour_codes_are_removed() {
        let table = [
            (Codes::Quake3, "^1red^7", "red"),
            (Codes::Quake3, "^^", "^^"),
            (Codes::Quake3, "^^1a", "^a"),
            (Codes::Quake3, "2^ 3", "2^ 3"),
            (Codes::Quake3, "end^", "end^"),
            (Codes::Quake3, "^zx^_^", "x^_^"),
            (Codes::Quake3, "^é", "^é"),
            (Codes::Wolfenstein, "^?a^:b^^c^ d", "ab^^ d"),
            (Codes::DarkPlaces, "^xf0Ared^x", "red^x"),
            (Codes::DarkPlaces, "^7a^b^^1", "a^b^1"),
            (Codes::DarkPlaces, "^xf0é", "^xf0é"),
            (Codes::Qfusion, "^1a^xfff^^", "a^xfff^"),
            (Codes::Daemon, "^xf00a^#00ff00b^*c^1d^^", "abcd^"),
            (Codes::Daemon, "^xyz", "yz"),
            (Codes::QuakeWorld, "&cf00red&r & &co", "red & &co"),
            (Codes::Minecraft, "§lBig §r§#World§", "Big World§"),
        ];
        for (codes, text, plain) in table {
            assert_eq!(codes.strip(text), plain, "{codes:?} {text}");
        }
    }

    proptest! {
        #[test]
        fn codes_are_removed_from_any_text(text in "[\\^&§xcr0-9a-f é#*]{0,40}") {
            for codes in ALL {
                prop_assert!(codes.strip(&text).len() <= text.len());
            }
        }

        #[test]
        fn text_without_marks_stays(text in "[^\\^&§]{0,40}") {
            for codes in ALL {
                prop_assert_eq!(codes.strip(&text), text.clone());
            }
        }
    }
}

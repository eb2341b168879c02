//! Text of game servers: bytes in any encoding, with colour codes of their games.
//!
//! Nothing here fails: a wrong letter in a name must not keep a server off the list.

mod codes;
mod encoding;
mod glyphs;

pub(crate) use codes::Codes;
pub(crate) use encoding::decode;
pub(crate) use glyphs::{decode_or_glyphs, glyphs};

/// Text as the list shows it: without control characters, and without white space at its ends.
/// Line feeds and tabs become spaces.
pub(crate) fn tidy(text: &str) -> String {
    let seen = text.chars().filter_map(|c| match c {
        '\t' | '\n' | '\r' => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    });
    let text: String = seen.collect();
    text.trim().to_owned()
}

/// Text for a field that can be missing.
pub(crate) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_left_out() {
        let table = [
            ("  Dusty's \n", "Dusty's"),
            ("two\nlines\tand more", "two lines and more"),
            ("\x1b[2Jgone\0\u{7f}\u{9b}", "[2Jgone"),
            ("", ""),
            ("\x01\x02", ""),
        ];
        for (text, shown) in table {
            assert_eq!(tidy(text), shown, "{text:?}");
        }
    }
}

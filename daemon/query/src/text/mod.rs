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

/// The number at the beginning of a text, as C's `atoi` reads it, with which the games read theirs:
/// 8 in `8.0` and in ` 8 players`. None where `atoi` makes a 0 of what is no number.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (is_negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    let mut digits = digits
        .iter()
        .take_while(|it| it.is_ascii_digit())
        .peekable();
    digits.peek()?;
    let digit = |number: i64, digit: &u8| {
        let number = number.saturating_mul(10);
        number.saturating_add(i64::from(digit - b'0'))
    };
    let number = digits.fold(0, digit);
    Some(if is_negative { -number } else { number })
}

/// How many there are, from a text. None if it says no number, or one below 0, by which servers mean
/// that they do not know it.
pub(crate) fn count(text: &[u8]) -> Option<u32> {
    number(text)?.try_into().ok()
}

/// Text for a field that can be missing.
pub(crate) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_up_to_where_they_end() {
        let table: [(&[u8], Option<i64>); 10] = [
            (b"8", Some(8)),
            (b" 8.5", Some(8)),
            (b"-3 of 7", Some(-3)),
            (b"+4", Some(4)),
            (b"007x", Some(7)),
            (b"99999999999999999999", Some(i64::MAX)),
            (b"", None),
            (b"-", None),
            (b"x8", None),
            (b"--8", None),
        ];
        for (text, read) in table {
            assert_eq!(number(text), read, "{text:?}");
        }
        assert_eq!(
            [count(b"4294967295"), count(b"4294967296")],
            [Some(u32::MAX), None]
        );
        assert_eq!([count(b"-1"), count(b"0")], [None, Some(0)]);
    }

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

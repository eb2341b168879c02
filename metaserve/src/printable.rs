//! Makes text from strangers safe for a terminal.

use crate::unseen::{is_space, is_unseen};

/// Returns `text` without anything that could move the cursor, change colours, or change the
/// direction of the text after it. Control characters and all kinds of white space become spaces,
/// invisible characters are removed. Heartbeats can contain any text.
///
/// ```
/// assert_eq!(metaserve::printable("\x1b[2Jname\u{202e}"), " [2Jname");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_unseen(*c));
    shown
        .map(|c| match c.is_control() || is_space(c) {
            true => ' ',
            false => c,
        })
        .collect()
}

/// Returns `name` as [`printable`], or `(no name)` when it has no visible characters.
///
/// ```
/// assert_eq!(metaserve::printable_name("\u{200b}"), "(no name)");
/// ```
#[must_use]
pub fn printable_name(name: &str) -> String {
    let shown = printable(name);
    match shown.trim().is_empty() {
        true => "(no name)".into(),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_take_over_the_terminal() {
        let table = [
            ("Dusty's", "Dusty's"),
            ("Größe 東京 ✈", "Größe 東京 ✈"),
            ("\x1b[2Jgone", " [2Jgone"),
            ("\u{9b}31mred", " 31mred"),
            ("two\r\nlines\t\0\u{7f}", "two  lines   "),
            ("\u{202e}desrever\u{2028}\u{200b}", "desrever"),
            ("wide\u{3000}space", "wide space"),
            ("soft\u{ad}hyphen\u{e0041}", "softhyphen"),
        ];
        for (text, shown) in table {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn an_invisible_name_is_shown_as_no_name() {
        for blank in [
            "",
            "  ",
            "\0",
            "\u{200b}\u{202e}",
            "\u{3164}",
            "\u{2800}",
            "\u{a0}\u{e0020}\u{fe0f}",
        ] {
            assert_eq!(printable_name(blank), "(no name)", "{blank:?}");
        }
        assert_eq!(printable_name("\u{202e}a"), "a");
    }

    proptest! {
        #[test]
        fn printable_text_does_not_change(text: String) {
            let shown = printable(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_unseen(c)));
            prop_assert_eq!(printable(&shown), shown);
        }
    }
}

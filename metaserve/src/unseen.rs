//! Invisible characters that change how the text around them is shown or compared.

/// Unicode 16.0.0: all characters of the general categories `Cf` (format), `Zl` and `Zp` (line and
/// paragraph separator), and all with the property `Default_Ignorable_Code_Point`, which adds
/// variation selectors and fillers. Source: `DerivedGeneralCategory.txt` and
/// `DerivedCoreProperties.txt` in <https://www.unicode.org/Public/16.0.0/ucd/>; a test compares
/// the table with `regex-syntax`. `docs/reference/protocol.md`, "Game tags", has the same table.
/// Protocol 1 keeps it, whatever later versions of Unicode add.
const UNSEEN: [(char, char); 25] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether `c` controls the layout, or is ignored by it.
pub(crate) fn is_unseen(c: char) -> bool {
    let before = UNSEEN.partition_point(|(_, last)| *last < c);
    UNSEEN.get(before).is_some_and(|(first, _)| *first <= c)
}

/// Whether `c` is blank: white space of any width, or the Braille pattern without dots.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Whether `c` has no agreed meaning: private use, or a noncharacter.
pub(crate) fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..)
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_syntax::hir::{Class, HirKind};

    /// All characters of a regular expression's class, in order.
    fn class(expression: &str) -> Vec<char> {
        let hir = regex_syntax::parse(expression).unwrap();
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else {
            panic!("{expression} is a class");
        };
        class
            .iter()
            .flat_map(|range| range.start()..=range.end())
            .collect()
    }

    fn all(is: fn(char) -> bool) -> Vec<char> {
        ('\0'..=char::MAX).filter(|c| is(*c)).collect()
    }

    /// `docs/reference/protocol.md`, "Game tags": ranges in hexadecimal.
    fn page() -> Vec<(char, char)> {
        let page = include_str!("../docs/protocol.md");
        let (_, block) = page.split_once("```unseen\n").unwrap();
        let (block, _) = block.split_once("\n```").unwrap();
        let character =
            |digits: &str| char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap();
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            (character(first), character(last))
        };
        block.split_whitespace().map(range).collect()
    }

    #[test]
    fn the_page_has_the_same_table() {
        assert_eq!(page(), UNSEEN);
    }

    #[test]
    fn the_tables_are_those_of_unicode() {
        let unseen = r"[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]";
        assert_eq!(all(is_unseen), class(unseen));
        assert_eq!(all(is_space), class(r"[\p{White_Space}\u{2800}]"));
        let private = r"[\p{Co}\p{Noncharacter_Code_Point}]";
        assert_eq!(all(is_private), class(private));
    }
}

//! Text of the protocol: MacRoman with style escapes (`docs/specifications/myth-metaserver.md`,
//! section 3).

use std::borrow::Cow;

use encoding_rs::MACINTOSH;

/// A mark that the client's ignore list skips at the beginning of a name.
const IGNORED_MARK: u8 = 0xB0;

/// Decodes MacRoman. Every byte is a character.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    MACINTOSH.decode_without_bom_handling(bytes).0
}

/// Encodes text as MacRoman. Unknown characters become `?`. NULs are left out, since they would end
/// the text.
#[must_use]
pub fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for character in text.chars().filter(|character| *character != '\0') {
        let (encoded, _, unmappable) = MACINTOSH.encode(character.encode_utf8(&mut buffer));
        match unmappable {
            true => bytes.push(b'?'),
            false => bytes.extend_from_slice(&encoded),
        }
    }
    bytes
}

/// Removes style escapes: a bar and one of the letters that stand for a style.
#[must_use]
pub fn without_styles(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = match after.split_first() {
            Some((letter, after)) if first == b'|' && is_style(*letter) => after,
            _ => {
                plain.push(first);
                after
            }
        };
    }
    plain
}

fn is_style(letter: u8) -> bool {
    b"pbilrcsu".contains(&letter.to_ascii_lowercase())
}

/// Returns a name as the client compares it with its ignore list: without styles, and without the
/// mark that may come first.
#[must_use]
pub fn compared(name: &[u8]) -> Vec<u8> {
    let mut plain = without_styles(name);
    if plain.first() == Some(&IGNORED_MARK) {
        plain.remove(0);
    }
    plain
}

/// Removes control characters.
#[must_use]
pub fn without_controls(bytes: &[u8]) -> Vec<u8> {
    let shown = |byte: &&u8| !byte.is_ascii_control();
    bytes.iter().filter(shown).copied().collect()
}

/// Returns the beginning of a text, at most `bytes` long, without half a style escape at its end.
#[must_use]
pub fn cut(text: &[u8], bytes: usize) -> &[u8] {
    match text.get(..bytes) {
        None => text,
        Some([start @ .., b'|']) if text.get(bytes).is_some_and(|next| is_style(*next)) => start,
        Some(start) => start,
    }
}

/// Removes ASCII white space at both ends.
#[must_use]
pub fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte));
    let end = text.iter().rposition(|byte| !is_space(*byte));
    match (start, end) {
        (Some(start), Some(end)) => &text[start..=end],
        _ => &[],
    }
}

/// Returns the words between ASCII white space.
pub fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
}

fn is_space(byte: u8) -> bool {
    // The vertical tab is white space here, unlike in `u8::is_ascii_whitespace`.
    byte == 0x0b || byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_a_character_and_comes_back() {
        for byte in 1..=u8::MAX {
            assert_eq!(encode(&decode(&[byte])), [byte]);
        }
        assert_eq!(decode(b"\xdb\xca\xf0\x8e"), "\u{20ac}\u{a0}\u{f8ff}\u{e9}");
        assert_eq!(encode("5\u{20ac} \u{4f60}\0!"), b"5\xdb ?!");
    }

    #[test]
    fn a_style_is_a_bar_and_a_style_letter() {
        let table: [(&[u8], &[u8]); 5] = [
            (b"|iGuest|p Bob", b"Guest Bob"),
            (b"|B|I|S", b""),
            (b"a|xb|", b"a|xb|"),
            (b"||i", b"|"),
            (b"plain", b"plain"),
        ];
        for (styled, plain) in table {
            assert_eq!(without_styles(styled), plain);
        }
        assert_eq!(compared(b"|i\xb0Guest|p Bob"), b"Guest Bob");
    }

    #[test]
    fn a_cut_never_leaves_half_an_escape() {
        assert_eq!(cut(b"abc|pd", 4), b"abc");
        assert_eq!(cut(b"abc|xd", 4), b"abc|");
        assert_eq!(cut(b"abc", 3), b"abc");
        assert_eq!(cut(b"abcd", 3), b"abc");
    }

    #[test]
    fn white_space_is_ascii_only() {
        assert_eq!(trim(b" \t\r\n\x0b\x0c a b\xca "), b"a b\xca");
        assert_eq!(trim(b" \n"), b"");
        let split: Vec<&[u8]> = words(b" .afk getting   coffee\t").collect();
        assert_eq!(split, [&b".afk"[..], b"getting", b"coffee"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_handled_without_panic(bytes: Vec<u8>, at in 0_usize..70) {
            prop_assert!(cut(&bytes, at).len() <= at);
            prop_assert!(without_styles(&bytes).len() <= bytes.len());
            prop_assert_eq!(encode(&decode(&without_controls(&bytes))), without_controls(&bytes));
        }
    }
}

//! The characters of the first two Quakes' console font.
//!
//! The upper half of the font is the lower half in another colour, and below the blank are digits,
//! brackets and pieces of bars. `DarkPlaces` has the whole font in U+E000 to U+E0FF as well. The
//! table is from memory, as the engines' fonts show it.

use super::encoding::utf8;

/// The text of Quake and Quake II.
pub(crate) fn glyphs(bytes: &[u8]) -> String {
    bytes.iter().filter_map(|byte| glyph(*byte)).collect()
}

/// The text of `DarkPlaces`, which is UTF-8 in newer games and the font in older ones.
pub(crate) fn decode_or_glyphs(bytes: &[u8]) -> String {
    let Some(text) = utf8(bytes) else {
        return glyphs(bytes);
    };
    let seen = text.chars().filter_map(|c| match c {
        '\u{e000}'..='\u{e0ff}' => glyph(u8::try_from(u32::from(c) & 0xff).unwrap_or_default()),
        // Older games have these too.
        '\u{1}'..='\u{1f}' => glyph(u8::try_from(c).unwrap_or_default()),
        c => Some(c),
    });
    seen.collect()
}

/// What is seen of a character; nothing of what is a picture.
fn glyph(byte: u8) -> Option<char> {
    // The pieces of a bar exist once, in the upper half.
    match (byte, byte & 0x7f) {
        (0x80, _) => Some('('),
        (0x81, _) => Some('='),
        (0x82, _) => Some(')'),
        (_, 0x09 | 0x0a) => Some(' '),
        (_, 0x0d) => Some('>'),
        (_, 0x05 | 0x0e | 0x0f | 0x1c) => Some('.'),
        (_, 0x10) => Some('['),
        (_, 0x11) => Some(']'),
        (_, digit @ 0x12..=0x1b) => Some(char::from(b'0' + digit - 0x12)),
        (_, 0x1d) => Some('<'),
        (_, 0x1e) => Some('='),
        (_, 0x1f) => Some('>'),
        (_, plain @ 0x20..=0x7e) => Some(char::from(plain)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_is_the_lower_one_in_another_colour() {
        let coloured: Vec<u8> = b"Dusty's".iter().map(|byte| byte | 0x80).collect();
        assert_eq!(glyphs(&coloured), "Dusty's");
        assert_eq!(glyphs(b"\x10\x13\x14\x11 \x90\x92\x9b\x91"), "[12] [09]");
        assert_eq!(
            glyphs(b"\x80\x81\x82 \x9d\x9e\x9f \x1c\x0d \x0b\x7f"),
            "(=) <=> .> "
        );
    }

    #[test]
    fn darkplaces_has_the_font_in_private_characters() {
        assert_eq!(
            decode_or_glyphs("\u{e010}\u{e0d8}\u{e011} é".as_bytes()),
            "[X] é"
        );
        assert_eq!(decode_or_glyphs(b"\xce\xe5\xf8uiz"), "Nexuiz");
    }
}

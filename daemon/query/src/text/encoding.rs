//! Which encoding bytes are in.

use encoding_rs::{WINDOWS_1251, WINDOWS_1252};

/// The text in some bytes: UTF-8, or what looks most like it was meant.
///
/// Few games say how they encode a name: it is as the operator typed it. UTF-8 is recognised with
/// certainty, also where the engine has cut a name in the middle of a character. Anything else is
/// one of the two encodings that such servers mostly have, Western or Cyrillic.
pub(crate) fn decode(bytes: &[u8]) -> String {
    utf8(bytes).unwrap_or_else(|| guess(bytes))
}

/// The text if it is UTF-8, without parts of characters.
pub(super) fn utf8(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let (mut broken, mut last) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        last = chunk.invalid().len();
        broken += usize::from(last > 0);
    }
    let whole = text.chars().filter(|c| !c.is_ascii()).count();
    // In other encodings, hardly any two bytes make a character of UTF-8 by chance, nor does the
    // end of a text look like a character that was cut behind its second byte.
    let cut = broken == 1 && (whole > 0 || last > 1) && ends_within(bytes);
    (broken == 0 || cut || whole > broken).then_some(text)
}

/// Whether the text ends within a character.
fn ends_within(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

/// Cyrillic words consist of bytes from 0xC0 alone; in Western ones, single accented letters stand
/// between plain ones.
fn guess(bytes: &[u8]) -> String {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0xc0;
    let (mut cyrillic, mut western) = (0, 0);
    for word in bytes.split(|byte| !letter(byte)) {
        let high = word.iter().filter(|byte| !byte.is_ascii()).count();
        match word.len() - high {
            0 if high > 1 => cyrillic += high,
            0 => {}
            // A word that is mixed is spelled in one script.
            plain if high > plain => cyrillic += high,
            _ => western += high,
        }
    }
    let encoding = match cyrillic > western {
        true => WINDOWS_1251,
        false => WINDOWS_1252,
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_read_in_the_encoding_it_was_typed_in() {
        let table: [(&[u8], &str); 14] = [
            (b"Dusty's", "Dusty's"),
            ("Größe 東京 ✈ ёлка".as_bytes(), "Größe 東京 ✈ ёлка"),
            // Latin-1 and Windows-1252.
            (b"Caf\xe9 Z\xfcrich", "Café Zürich"),
            (b"Caf\xe9", "Café"),
            (b"\x84Gr\xf6\xdfe\x93", "„Größe“"),
            (b"\xc5ngstr\xf6m", "Ångström"),
            (b"5 \x80", "5 €"),
            // Windows-1251.
            (b"\xd1\xe5\xf0\xe2\xe5\xf0", "Сервер"),
            (b"[RU] \xcc\xee\xf1\xea\xe2\xe0 24/7", "[RU] Москва 24/7"),
            (b"\xcf\xf0\xe8\xe2\xe5\xf2 CS 1.6", "Привет CS 1.6"),
            // Two of its pairs of letters are characters of UTF-8 by chance.
            (b"\xc5\xb8 \xc5\xb8 \xf2\xfb", "Её Её ты"),
            // UTF-8 that was cut at a number of bytes.
            (b"\xd0\xa1\xd0\xb5\xd1\x80\xd0", "Сер"),
            (b"Fun \xf0\x9f\x98", "Fun "),
            (b"\xe6\x9d\xb1\xe4\xba^7 \xe4\xba\xac", "東^7 京"),
        ];
        for (bytes, text) in table {
            assert_eq!(decode(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn utf8_is_read_as_it_is(text: String) {
            prop_assert_eq!(decode(text.as_bytes()), text);
        }

        #[test]
        fn any_bytes_are_text(bytes: Vec<u8>) {
            // Of either encoding, a byte is one character.
            prop_assert!(decode(&bytes).chars().count() <= bytes.len());
        }

        #[test]
        fn a_cut_name_loses_one_character_at_most(text in "[а-яё東京é]{3,40}", cut in 1_usize..4) {
            let bytes = text.as_bytes();
            let read = decode(&bytes[..bytes.len() - cut]);
            prop_assert!(text.starts_with(&read));
            prop_assert!(read.chars().count() + 3 >= text.chars().count());
        }
    }
}

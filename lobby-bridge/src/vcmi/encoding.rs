//! The encodings that clients name when they greet (`docs/specifications/vcmi-lobby.md`,
//! section 5).

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::{
    BIG5, EUC_KR, EncoderResult, GB18030, GBK, IBM866, ISO_8859_2, ISO_8859_5, KOI8_R, KOI8_U,
    SHIFT_JIS, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
};

/// A text encoding that a client announced. Fixed for the life of its connection, both ways.
/// A text encoding that a client announced. It holds for the whole connection, both ways.
///
/// Neither direction can fail: bytes that cannot be decoded become U+FFFD, and a character that
/// cannot be encoded becomes `?`. In every encoding the bytes below 0x40 are those of ASCII and
/// never part of another character, so `:` and `>` mean themselves in encoded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Utf8,
    Ascii,
    /// The real ISO 8859-1, not the windows-1252 that `latin1` means on the web.
    Latin1,
    /// A Windows code page. Bytes without a character are errors, not control characters.
    Windows(&'static encoding_rs::Encoding),
    /// KOI8-U as RFC 2319 defines it. The web's version differs in two bytes.
    Koi8U,
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of a client that names none.
    pub const UTF_8: Self = Self(Kind::Utf8);

    /// Returns the encoding that a client calls `name`, or `None` if it is no supported text
    /// encoding. Case does not matter; `-`, `_` and blanks are optional.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let name: String = std::str::from_utf8(name)
            .ok()?
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(Self(match name.as_str() {
            "utf8" | "u8" | "utf" | "cp65001" => Kind::Utf8,
            "ascii" | "usascii" | "646" => Kind::Ascii,
            "latin1" | "l1" | "latin" | "iso88591" | "8859" | "cp819" => Kind::Latin1,
            "cp1250" | "windows1250" | "1250" => Kind::Windows(WINDOWS_1250),
            "cp1251" | "windows1251" | "1251" => Kind::Windows(WINDOWS_1251),
            "cp1252" | "windows1252" | "1252" => Kind::Windows(WINDOWS_1252),
            "iso88592" | "latin2" | "l2" => Kind::Other(ISO_8859_2),
            "iso88595" | "cyrillic" => Kind::Other(ISO_8859_5),
            "koi8r" | "cskoi8r" => Kind::Other(KOI8_R),
            "koi8u" => Kind::Koi8U,
            "cp866" | "866" | "ibm866" => Kind::Other(IBM866),
            "gbk" | "gb2312" | "cp936" | "936" | "ms936" | "euccn" => Kind::Other(GBK),
            "gb18030" => Kind::Other(GB18030),
            "big5" | "big5tw" | "cp950" | "950" => Kind::Other(BIG5),
            "euckr" | "korean" | "cp949" | "949" | "ksc5601" => Kind::Other(EUC_KR),
            "shiftjis" | "sjis" | "cp932" | "932" | "ms932" => Kind::Other(SHIFT_JIS),
            _ => return None,
        }))
    }

    /// Decodes bytes of a client.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self.0 {
            Kind::Utf8 => String::from_utf8_lossy(bytes),
            Kind::Ascii => bytes
                .iter()
                .map(|&byte| {
                    if byte.is_ascii() {
                        char::from(byte)
                    } else {
                        char::REPLACEMENT_CHARACTER
                    }
                })
                .collect(),
            Kind::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Kind::Windows(encoding) => {
                let (text, _) = encoding.decode_without_bom_handling(bytes);
                if text.contains(is_undefined) {
                    text.replace(is_undefined, "\u{fffd}").into()
                } else {
                    text
                }
            }
            Kind::Koi8U => {
                let (text, _) = KOI8_U.decode_without_bom_handling(bytes);
                text.chars().map(|c| exchange(c, WEB, OWN)).collect()
            }
            Kind::Other(encoding) => encoding.decode_without_bom_handling(bytes).0,
        }
    }

    /// Encodes `text` for a client.
    #[must_use]
    pub fn encode(self, text: &str) -> Bytes {
        let narrow = |limit: u32| -> Bytes {
            text.chars()
                .map(|c| {
                    u8::try_from(u32::from(c))
                        .ok()
                        .filter(|_| u32::from(c) < limit)
                })
                .map(|byte| byte.unwrap_or(b'?'))
                .collect()
        };
        match self.0 {
            Kind::Utf8 => Bytes::copy_from_slice(text.as_bytes()),
            Kind::Ascii => narrow(0x80),
            Kind::Latin1 => narrow(0x100),
            Kind::Windows(encoding) => encode_with(encoding, &text.replace(is_undefined, "?")),
            Kind::Koi8U => {
                let web = text.replace(WEB, "?");
                let web: String = web.chars().map(|c| exchange(c, OWN, WEB)).collect();
                encode_with(KOI8_U, &web)
            }
            Kind::Other(encoding) => encode_with(encoding, text),
        }
    }
}

/// The characters of the bytes AE and BE in the web's KOI8-U, and in that of RFC 2319.
const WEB: [char; 2] = ['\u{45e}', '\u{40e}'];
const OWN: [char; 2] = ['\u{255d}', '\u{256c}'];

fn exchange(c: char, from: [char; 2], to: [char; 2]) -> char {
    let at = from.iter().position(|&other| other == c);
    at.map_or(c, |at| to[at])
}

/// Whether the web's decoder made `c` from a byte that has no character in a Windows code page.
fn is_undefined(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}')
}

fn encode_with(encoding: &'static encoding_rs::Encoding, text: &str) -> Bytes {
    let mut encoder = encoding.new_encoder();
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        // Room for all of the rest, and for a `?` in place of a character that cannot be encoded.
        let room = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
        bytes.reserve(room.unwrap_or(rest.len()).saturating_add(1));
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return bytes.into(),
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 17] = [
        "utf8",
        "ascii",
        "latin1",
        "cp1250",
        "cp1251",
        "cp1252",
        "iso8859-2",
        "iso8859-5",
        "koi8-r",
        "koi8-u",
        "cp866",
        "gbk",
        "gb18030",
        "big5",
        "euc-kr",
        "shift_jis",
        "gb2312",
    ];

    fn named(name: &str) -> Encoding {
        Encoding::named(name.as_bytes()).unwrap_or_else(|| panic!("no encoding {name}"))
    }

    #[test]
    fn all_names_of_an_encoding_are_known() {
        let table = [
            ("utf8", ["utf-8", "UTF-8", "u8", "cp65001", "utf 8"]),
            (
                "cp1251",
                ["windows-1251", "1251", "CP-1251", "Windows_1251", "cp 1251"],
            ),
            (
                "latin1",
                ["iso-8859-1", "ISO8859-1", "latin-1", "iso_8859_1", "l1"],
            ),
            ("ascii", ["us-ascii", "US_ASCII", "ASCII", "usascii", "646"]),
            ("koi8-r", ["koi8_r", "KOI8R", "koi8r", "KOI8-R", "koi8 r"]),
            (
                "shift_jis",
                ["shift-jis", "sjis", "SHIFTJIS", "s-jis", "cp932"],
            ),
        ];
        for (name, aliases) in table {
            for alias in aliases {
                assert_eq!(named(alias), named(name), "{alias}");
            }
        }
    }

    #[test]
    fn names_of_no_text_encoding_are_refused() {
        for name in [
            "klingon", "", "utf-16", "utf-16le", "utf32", "utf-7", "base64", "hex", "é",
        ] {
            assert_eq!(Encoding::named(name.as_bytes()), None, "{name}");
        }
        assert_eq!(Encoding::named(b"\xff\xfe"), None);
    }

    #[test]
    fn each_encoding_has_its_own_bytes() {
        // (encoding, text, bytes)
        let table: [(&str, &str, &[u8]); 11] = [
            ("koi8-u", "╝ґ╬", b"\xae\xad\xbe"),
            ("cp1251", "Вася", b"\xc2\xe0\xf1\xff"),
            ("koi8-r", "Вася", b"\xf7\xc1\xd3\xd1"),
            ("cp866", "Вася", b"\x82\xa0\xe1\xef"),
            ("iso8859-5", "Вася", b"\xb2\xd0\xe1\xef"),
            ("iso8859-2", "żółw", b"\xbf\xf3\xb3w"),
            ("cp1250", "żółw", b"\xbf\xf3\xb3w"),
            ("latin1", "né\u{9f}", b"n\xe9\x9f"),
            ("cp1252", "né€", b"n\xe9\x80"),
            ("gb18030", "龙", b"\xc1\xfa"),
            ("shift_jis", "竜", b"\x97\xb3"),
        ];
        for (name, text, bytes) in table {
            assert_eq!(named(name).encode(text), bytes, "{name}");
            assert_eq!(named(name).decode(bytes), text, "{name}");
        }
    }

    #[test]
    fn text_that_does_not_fit_is_replaced() {
        assert_eq!(named("cp1251").encode("竜 dragon"), &b"? dragon"[..]);
        assert_eq!(named("koi8-r").encode("竜竜"), &b"??"[..]);
        assert_eq!(named("ascii").encode("né"), &b"n?"[..]);
        assert_eq!(named("latin1").encode("€"), &b"?"[..]);
        assert_eq!(named("utf8").decode(b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(named("utf8").decode(b"cut \xc5"), "cut \u{fffd}");
        assert_eq!(named("ascii").decode(b"n\xe9"), "n\u{fffd}");
        assert_eq!(named("cp1251").decode(b"\x98"), "\u{fffd}");
        assert_eq!(named("cp1252").decode(b"\x81x"), "\u{fffd}x");
    }

    #[test]
    fn a_character_without_a_byte_becomes_a_question_mark() {
        for (name, bytes) in [("ascii", &b"~??"[..]), ("latin-1", b"~\x80?")] {
            let encoding = Encoding::named(name.as_bytes()).unwrap();
            assert_eq!(encoding.encode("~\u{80}\u{100}")[..], *bytes, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_and_any_text_encodes(bytes: Vec<u8>, text: String) {
            for name in NAMES {
                let encoding = named(name);
                let _ = encoding.decode(&bytes);
                // No encoding lets a client smuggle in a separator.
                let separators = |c: &u8| matches!(c, b':' | b'>' | b'<');
                let sent = encoding.encode(&text);
                prop_assert_eq!(
                    sent.iter().filter(|byte| separators(byte)).count(),
                    text.bytes().filter(separators).count(),
                    "{}", name
                );
            }
        }

        #[test]
        fn text_decoded_without_loss_survives_a_round_trip(bytes: Vec<u8>) {
            for name in ["latin1", "cp1251", "koi8-r", "cp866", "iso8859-2", "iso8859-5"] {
                let encoding = named(name);
                let text = encoding.decode(&bytes);
                if !text.contains('\u{fffd}') {
                    prop_assert_eq!(encoding.encode(&text), &bytes[..], "{}", name);
                }
            }
        }
    }
}

//! The body of a request: names and values, percent-encoded, in any encoding
//! (`docs/specifications/myth-metaserver.md`, section 9).

use std::borrow::Cow;

use crate::aleph_one::text;

/// A body. It is decoded when a value is asked for.
#[derive(Clone, Copy)]
pub(super) struct Form<'a>(&'a [u8]);

impl<'a> Form<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Returns the bytes of the first value with this name.
    fn bytes(self, name: &str) -> Option<Vec<u8>> {
        let mut pairs = self.0.split(|&byte| byte == b'&').map(|pair| {
            let end = pair.iter().position(|&byte| byte == b'=');
            let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
            (name, value.get(1..).unwrap_or_default())
        });
        let (_, value) = pairs.find(|(it, _)| decoded(it) == name.as_bytes())?;
        Some(decoded(value))
    }

    /// Returns a value as text: UTF-8 if it is valid UTF-8, otherwise MacRoman.
    pub(super) fn text(self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    /// Returns all possible texts of a value, the likeliest first: bytes that are valid UTF-8 may
    /// still be meant as MacRoman.
    pub(super) fn texts(self, name: &str) -> Vec<String> {
        let Some(bytes) = self.bytes(name) else {
            return Vec::new();
        };
        let mac_roman = text::decode(&bytes).into_owned();
        match str::from_utf8(&bytes) {
            Ok(utf8) if utf8 != mac_roman => vec![utf8.to_owned(), mac_roman],
            _ => vec![mac_roman],
        }
    }
}

/// Decodes percent-encoding. A percent sign without two digits after it is kept.
fn decoded(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match after.split_at_checked(2).and_then(|(hex, after)| {
                let digits = str::from_utf8(hex).ok()?;
                let valid = digits.bytes().all(|it| it.is_ascii_hexdigit());
                let byte = u8::from_str_radix(digits, 16).ok()?;
                valid.then_some((byte, after))
            }) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'%',
            },
            byte => byte,
        });
    }
    bytes
}

/// Escapes text for HTML, also between quotes.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '"', '\'']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_decoded_in_any_encoding() {
        // (body, the possible passwords)
        let table: [(&[u8], &[&str]); 10] = [
            (b"password=secret&salt=&username=bob", &["secret"]),
            (b"username=bob&password=a%20b+c", &["a b c"]),
            (b"password=100%25%zz%2", &["100%%zz%2"]),
            (b"password=a%3Db%26c&x=y", &["a=b&c"]),
            (b"password=d%8Ej%88", &["déjà"]),
            (b"password=d\x8ej\x88", &["déjà"]),
            (b"password=d%C3%A9j%c3%a0", &["déjà", "d√©j√†"]),
            (b"password=", &[""]),
            (b"password&password=x", &[""]),
            (b"passwords=x", &[]),
        ];
        for (body, expected) in table {
            assert_eq!(Form::parse(body).texts("password"), expected);
        }
    }

    #[test]
    fn escaped_text_reads_the_same_in_html() {
        assert_eq!(escaped("Bob's room"), "Bob&#39;s room");
        assert_eq!(
            escaped("<a href=\"x\">&"),
            "&lt;a href=&quot;x&quot;&gt;&amp;"
        );
        assert_eq!(escaped("d\u{e9}j\u{e0} vu"), "d\u{e9}j\u{e0} vu");
    }

    proptest! {
        #[test]
        fn any_body_is_parsed_without_panic(body: Vec<u8>) {
            let _ = Form::parse(&body).texts("password");
        }

        #[test]
        fn escaped_text_cannot_break_out_of_html(text: String) {
            prop_assert!(!escaped(&text).contains(['<', '>', '"', '\'']));
        }
    }
}

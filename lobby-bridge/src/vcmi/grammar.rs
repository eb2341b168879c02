//! The text of a frame to tags (`docs/specifications/vcmi-lobby.md`, section 6).
//!
//! ```text
//! text   := junk? ( "<" name ">" value )*
//! ```

/// One command as it was sent: `<name>value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The text between `<` and the next `>`. It is not empty, and may contain `<`.
    pub name: &'a str,
    /// The text up to the next `<`. It may be empty, and may contain `>`.
    pub value: &'a str,
}

/// Returns the tags of `text` from left to right. Text between tags is skipped silently. A `<`
/// without a `>`, or without a name, ends the text.
#[must_use]
pub fn tags(text: &str) -> Tags<'_> {
    Tags { rest: text }
}

/// See [`tags`].
#[derive(Clone, Debug)]
pub struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let (_junk, tag) = self.rest.split_once('<')?;
        self.rest = "";
        let (name, value) = tag.split_once('>')?;
        if name.is_empty() {
            return None;
        }
        let end = value.find('<').unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        self.rest = rest;
        Some(Tag { name, value })
    }
}

/// Reads decimal digits with an optional sign, and blanks around them. A number that is too large
/// becomes `i64::MAX`, which no command allows.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<(&str, &str)> {
        tags(text).map(|tag| (tag.name, tag.value)).collect()
    }

    #[test]
    fn tags_are_found_as_specified() {
        let table: [(&str, &[(&str, &str)]); 14] = [
            ("", &[]),
            ("no tags at all", &[]),
            ("<", &[]),
            (">", &[]),
            ("<MSG", &[]),
            ("<>empty<MSG>not evaluated", &[]),
            ("<MSG>", &[("MSG", "")]),
            ("junk <MSG>a > b", &[("MSG", "a > b")]),
            ("<MSG><HERE>", &[("MSG", ""), ("HERE", "")]),
            ("<A<B>>x", &[("A<B", ">x")]),
            ("<<>>", &[("<", ">")]),
            (
                "<MSG>cut < here<HERE>",
                &[("MSG", "cut "), (" here<HERE", "")],
            ),
            ("<MSG>last<unfinished", &[("MSG", "last")]),
            ("<MSG>\r\n\0", &[("MSG", "\r\n\0")]),
        ];
        for (text, tags) in table {
            assert_eq!(parsed(text), tags, "{text:?}");
        }
    }

    #[test]
    fn an_integer_may_have_a_sign_and_blanks() {
        let table = [
            ("4", Some(4)),
            (" +4\n", Some(4)),
            ("-3", Some(-3)),
            ("04", Some(4)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("+", None),
            ("many", None),
            ("4.0", None),
            ("- 4", None),
            ("٤", None),
        ];
        for (text, number) in table {
            assert_eq!(integer(text), number, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn names_are_never_empty_and_values_end_at_the_next_tag(text in "[<>a-cé\n]{0,60}") {
            for tag in tags(&text) {
                prop_assert!(!tag.name.is_empty() && !tag.name.contains('>'));
                prop_assert!(!tag.value.contains('<'));
            }
        }

        #[test]
        fn tags_survive_a_round_trip(
            pairs in prop::collection::vec(("[A-Z]{1,8}", "[^<]{0,20}"), 0..20),
        ) {
            let text: String =
                pairs.iter().map(|(name, value)| format!("<{name}>{value}")).collect();
            let read: Vec<(String, String)> =
                tags(&text).map(|tag| (tag.name.to_owned(), tag.value.to_owned())).collect();
            prop_assert_eq!(read, pairs);
        }
    }
}

//! Which websites are links.

/// The longest one, in bytes.
pub(super) const MAX_BYTES: usize = 256;

/// Whether programs may offer it to players as a link: an `http` or `https` URL, so that opening it
/// runs nothing; of ASCII characters, so that what is read is what is opened; and without a user
/// name, which would look like the host.
pub(super) fn is_link(text: &str) -> bool {
    let after = |scheme: &str| {
        let (begin, rest) = text.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = after("https://").or_else(|| after("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_host = authority.starts_with(|c: char| c == '[' || c.is_ascii_alphanumeric());
    let in_urls =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    has_host && !authority.contains('@') && text.len() <= MAX_BYTES && text.bytes().all(in_urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_links() {
        let longest = format!("https://a.example/{}", "x".repeat(MAX_BYTES - 18));
        let too_long = format!("{longest}x");
        let table = [
            ("https://example.org", true),
            ("HTTP://example.org:8080/a?b=c&d=%20#e", true),
            ("https://xn--bcher-kva.example/~me/", true),
            ("https://[2001:db8::1]/", true),
            (&longest, true),
            (&too_long, false),
            ("", false),
            ("example.org", false),
            ("https://", false),
            ("https:///path", false),
            ("https://:80", false),
            ("//example.org", false),
            (" https://example.org", false),
            ("https://example.org/a b", false),
            ("https://example.org/\n", false),
            ("https://bücher.example", false),
            ("https://example.org/\u{202e}", false),
            ("https://example.org@evil.example", false),
            ("https://example.org\\@evil.example", false),
            ("https://example.org/\"onclick=\"", false),
            ("https://example.org/<script>", false),
            ("javascript:alert(1)", false),
            ("JavaScript://example.org/%0aalert(1)", false),
            ("data:text/html,<script>", false),
            ("file:///etc/passwd", false),
            ("steam://run/1", false),
        ];
        for (text, link) in table {
            assert_eq!(is_link(text), link, "{text:?}");
        }
    }
}

//! E-mail addresses.

/// The length of the longest address in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
const MAX_BYTES: usize = 254;

/// An e-mail address, folded to small letters: two that differ in case only are the same. Whether
/// somebody reads mail there, nobody checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Email(String);

impl Email {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (user, host) = text.split_once('@')?;
        let holds = text.len() <= MAX_BYTES
            && !user.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !text.contains(|it: char| it.is_control() || it.is_whitespace());
        let folded = text.to_lowercase();
        // A few letters have longer small ones.
        (holds && folded.len() <= MAX_BYTES).then_some(Self(folded))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_and_bounds() {
        let longest = format!("a@{}", "b".repeat(252));
        for text in ["ann@example.org", "a@b", "jürgen@example.org", &longest] {
            assert!(Email::parse(text).is_some(), "{text}");
        }
        let longer = format!("{longest}b");
        for text in [
            "", "@", "ann", "a@", "@b", "a@b@c", "a b@c", "a@b\n", &longer,
        ] {
            assert!(Email::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn addresses_that_differ_in_case_are_the_same() {
        assert_eq!(
            Email::parse("Ann@Example.org"),
            Email::parse("ann@example.ORG")
        );
    }
}

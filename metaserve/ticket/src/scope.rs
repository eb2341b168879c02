//! What a ticket permits.

use std::{fmt, str::FromStr};
use thiserror::Error;

/// A right, or all rights with a prefix.
///
/// A right is an action, such as `login`, or an action and a name, such as `claim:zone/meadow`. The
/// action consists of 1 to 32 small letters, digits and hyphens and begins with a letter; the name
/// is 1 to 256 bytes of text without control characters. A `*` at the end of the name, and only
/// there, stands for any text. `/` has no special meaning:
///
/// ```
/// use metaserve_ticket::Scope;
///
/// let scope: Scope = "claim:zone/*".parse()?;
/// assert!(scope.covers("claim:zone/a"));
/// assert!(scope.covers("claim:zone/a/b"));
/// assert!(!scope.covers("claim:zone"));
/// assert!(!scope.covers("claim:zonex/a"));
/// assert!(!scope.covers("start:zone/a"));
/// # Ok::<(), metaserve_ticket::InvalidScope>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(String);

/// Why a text is not a [`Scope`].
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidScope {
    /// The part before the colon is not an action.
    #[error(
        "the action of a scope is 1 to 32 small letters, digits and hyphens, and begins with a \
         letter, as in \"login\" or \"claim:zone/*\""
    )]
    Action,
    /// There is a colon, but no name after it.
    #[error("no name after the colon: to cover all names, end the scope with :*")]
    NoName,
    /// The name is too long.
    #[error("the name has {0} bytes, more than {max}", max = Scope::MAX_NAME_BYTES)]
    NameTooLong(usize),
    /// The name contains a control character.
    #[error("the name contains a control character")]
    ControlCharacter,
    /// There is a star before the end of the name.
    #[error("a * can only be the last character of a scope")]
    Star,
}

impl Scope {
    /// The length of the longest action.
    pub const MAX_ACTION_BYTES: usize = 32;

    /// The length of the longest name, with the `*`.
    pub const MAX_NAME_BYTES: usize = 256;

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the scope covers this right, `claim:zone/a` for example. A text that is not a right
    /// is not covered.
    #[must_use]
    pub fn covers(&self, right: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => right.starts_with(prefix),
            None => right == self.0,
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let (action, name) = match text.split_once(':') {
            Some((action, name)) => (action, Some(name)),
            None => (text, None),
        };
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = action.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || action.len() > Self::MAX_ACTION_BYTES || !action.chars().all(known) {
            return Err(InvalidScope::Action);
        }
        if let Some(name) = name {
            check_name(name)?;
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_name(name: &str) -> Result<(), InvalidScope> {
    if name.is_empty() {
        return Err(InvalidScope::NoName);
    }
    if name.len() > Scope::MAX_NAME_BYTES {
        return Err(InvalidScope::NameTooLong(name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(InvalidScope::ControlCharacter);
    }
    if name.find('*').is_some_and(|at| at + 1 < name.len()) {
        return Err(InvalidScope::Star);
    }
    Ok(())
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_an_action_and_perhaps_a_name() {
        let long_name = format!("claim:{}", "n".repeat(256));
        let too_long = format!("claim:{}", "n".repeat(257));
        let long_action = "a".repeat(32);
        let table = [
            ("login", Ok(())),
            ("claim:zone/*", Ok(())),
            ("claim:*", Ok(())),
            ("claim:zone/shared/meadow", Ok(())),
            ("list:openarena", Ok(())),
            ("claim:a:b", Ok(())),
            ("claim:Wiese im Süden", Ok(())),
            (&*long_name, Ok(())),
            (&*long_action, Ok(())),
            (&*too_long, Err(InvalidScope::NameTooLong(257))),
            (&*"a".repeat(33), Err(InvalidScope::Action)),
            ("", Err(InvalidScope::Action)),
            ("*", Err(InvalidScope::Action)),
            ("claim*", Err(InvalidScope::Action)),
            (":zone", Err(InvalidScope::Action)),
            ("Claim:zone", Err(InvalidScope::Action)),
            (" login", Err(InvalidScope::Action)),
            ("1login", Err(InvalidScope::Action)),
            ("claim:", Err(InvalidScope::NoName)),
            ("claim:a\nb", Err(InvalidScope::ControlCharacter)),
            ("claim:a\u{85}b", Err(InvalidScope::ControlCharacter)),
            ("claim:*/a", Err(InvalidScope::Star)),
            ("claim:a**", Err(InvalidScope::Star)),
        ];
        for (text, expected) in table {
            let read = text.parse::<Scope>();
            assert_eq!(read.clone().map(|_| ()), expected, "{text}");
            if let Ok(scope) = read {
                assert_eq!(scope.as_str(), text);
            }
        }
    }

    #[test]
    fn a_scope_covers_its_text_or_what_begins_with_its_prefix() {
        let covered = [
            ("login", "login"),
            ("claim:zone/a", "claim:zone/a"),
            ("claim:zone/*", "claim:zone/a"),
            ("claim:zone/*", "claim:zone/a/b"),
            ("claim:zone/*", "claim:zone/"),
            ("claim:zone/*", "claim:zone/*"),
            ("claim:zone*", "claim:zonex/a"),
            ("claim:*", "claim:zone"),
        ];
        let not_covered = [
            ("login", "login:alice"),
            ("login", "log"),
            ("login", ""),
            ("claim:zone/*", "claim:zone"),
            ("claim:zone/*", "claim:zonex/a"),
            ("claim:zone/*", "start:zone/a"),
            ("claim:zone/*", "reclaim:zone/a"),
            ("claim:zone/*", "claim:Zone/a"),
            ("claim:zone/a", "claim:zone/a/b"),
            ("claim:zone/a", "claim:zone/*"),
            ("claim:*", "claim"),
        ];
        for (scope, right) in covered {
            assert!(
                scope.parse::<Scope>().unwrap().covers(right),
                "{scope} {right}"
            );
        }
        for (scope, right) in not_covered {
            assert!(
                !scope.parse::<Scope>().unwrap().covers(right),
                "{scope} {right}"
            );
        }
    }
}

//! Messages of the server to a lobby client (`docs/specifications/vcmi-lobby.md`, sections 3.2 and
//! 9).
//!
//! ```text
//! :>>NAME:arg1:arg2:...
//! ```
//!
//! The protocol has no escaping: `:>>` begins the next message wherever it occurs. Arguments are
//! therefore written by [`Message::arg`] only, which never lets one through.

use std::fmt::{self, Display, Write};

use metaserve::bans::Ban;

use crate::bans;

/// One message of the server. It needs at least one argument before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// Begins the message `name`, without arguments.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(format!(":>>{name}"))
    }

    /// Makes a text from the server itself, which is shown in the chat.
    #[must_use]
    pub fn system(text: impl Display) -> Self {
        Self::new("MSG").arg("System").arg(text)
    }

    /// Makes the message that tells a banned client why it is disconnected. Launchers show an
    /// argument up to its first colon, so the time is written without one. The text is ASCII, which
    /// is the same in every encoding.
    #[must_use]
    pub fn banned(ban: &Ban) -> Self {
        Self::new("ERROR").arg(bans::told(ban).replace(':', "."))
    }

    /// Adds an argument. Control characters other than line feeds are left out. Where the text
    /// would begin a new message (`:>>`), a blank is added after the colon, even if it is the colon
    /// in front of the argument.
    #[must_use]
    pub fn arg(mut self, value: impl Display) -> Self {
        self.0.push(':');
        // Writing into a `String` cannot fail.
        let _ = write!(Inert(&mut self.0), "{value}");
        self
    }

    /// Adds `True` or `False`.
    #[must_use]
    pub fn truth(self, value: bool) -> Self {
        self.arg(if value { "True" } else { "False" })
    }

    /// Returns the message as it is sent, before encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends text of players such that it stays within its argument.
struct Inert<'a>(&'a mut String);

impl Write for Inert<'_> {
    fn write_str(&mut self, value: &str) -> fmt::Result {
        for c in value.chars().filter(|&c| c == '\n' || !c.is_control()) {
            if c == '>' && self.0.ends_with(":>") {
                self.0.pop();
                self.0.push_str(" >");
            }
            self.0.push(c);
        }
        Ok(())
    }
}

/// Returns `text` without control characters but line feeds (`docs/specifications/vcmi-lobby.md`,
/// section 13.4), cut after `chars` characters.
#[must_use]
pub fn printable(text: &str, chars: usize) -> String {
    text.chars()
        .filter(|&c| c == '\n' || !c.is_control())
        .take(chars)
        .collect()
}

/// Returns `text` as one line, for lists (`docs/specifications/vcmi-lobby.md`, section 14, defect
/// 15), cut after `chars` characters.
#[must_use]
pub fn one_line(text: &str, chars: usize) -> String {
    printable(&text.replace('\n', ""), chars)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(value: &str) -> String {
        Message::new("MSG").arg("a").arg(value).as_str().to_owned()
    }

    #[test]
    fn an_argument_never_begins_another_message() {
        let table = [
            ("hello: you", ":>>MSG:a:hello: you"),
            ("x:>>START:u", ":>>MSG:a:x: >>START:u"),
            // The colon in front of the argument does not count as part of `:>>`.
            (">>START:u", ":>>MSG:a: >>START:u"),
            // Nor does a control character that is left out hide it.
            (":\r>\u{1}>START:u", ":>>MSG:a:: >>START:u"),
            ("::>>>:>>", ":>>MSG:a::: >>>: >>"),
            ("a > b >> c :> d", ":>>MSG:a:a > b >> c :> d"),
            ("two\nlines\ttab\0", ":>>MSG:a:two\nlinestab"),
        ];
        for (value, text) in table {
            assert_eq!(with(value), text, "{value:?}");
        }
    }

    #[test]
    fn a_message_without_arguments_keeps_its_colon() {
        assert_eq!(Message::new("HEALTH").arg("").as_str(), ":>>HEALTH:");
    }

    proptest! {
        #[test]
        fn two_messages_are_always_read_as_two(
            args in prop::collection::vec("[:>a\r\n\u{7f}]{0,8}", 1..6),
        ) {
            let messages = [1, 2].map(|_| {
                args.iter().fold(Message::new("M"), |message, arg| message.arg(arg))
            });
            let stream = format!("{}{}", messages[0].as_str(), messages[1].as_str());
            prop_assert_eq!(stream.matches(":>>").count(), 2);
            prop_assert_eq!(stream.split(":>>").nth(1), Some(&messages[0].as_str()[3..]));
        }

        #[test]
        fn ordinary_arguments_arrive_unchanged(value in "[^\\p{Cc}:]{0,40}") {
            prop_assume!(!value.starts_with(">>"));
            prop_assert_eq!(with(&value), format!(":>>MSG:a:{value}"));
        }
    }
}

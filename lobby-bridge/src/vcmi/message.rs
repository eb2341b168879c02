//! What the server says to a lobby client (`docs/specifications/vcmi-lobby.md`, sections 3.2 and
//! 9).
//!
//! ```text
//! :>>NAME:arg1:arg2:...
//! ```
//!
//! The protocol has no escaping: the next `:>>` begins the next message, wherever it comes
//! from. So the only way to write an argument is [`Message::arg`], which never lets one through.

use std::fmt::{self, Display, Write};

use metaserve::bans::Ban;

use crate::bans;

/// One message of the server. It has at least one argument before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// The message `name`, without arguments yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(format!(":>>{name}"))
    }

    /// A text from the server itself, shown in the chat.
    #[must_use]
    pub fn system(text: impl Display) -> Self {
        Self::new("MSG").arg("System").arg(text)
    }

    /// Why a banned client is disconnected. Launchers show an argument up to its first colon, so
    /// there is none in the time. ASCII, which is the same in every encoding.
    #[must_use]
    pub fn banned(ban: &Ban) -> Self {
        Self::new("ERROR").arg(bans::told(ban).replace(':', "."))
    }

    /// Adds an argument. Control characters other than line feeds are left out, and where the
    /// message would seem to end within it (`:>>`), a blank is put after the colon, also when
    /// that colon is the one in front of the argument.
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

    /// The message as it is sent, before encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes what players wrote and appends it so that it stays within its argument.
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

/// `text` without control characters but line feeds (`docs/specifications/vcmi-lobby.md`,
/// section 13.4), cut after `chars` characters.
#[must_use]
pub fn printable(text: &str, chars: usize) -> String {
    text.chars()
        .filter(|&c| c == '\n' || !c.is_control())
        .take(chars)
        .collect()
}

/// `text` as one line, for lists (`docs/specifications/vcmi-lobby.md`, section 14, defect 15), cut
/// after `chars` characters.
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
    fn no_argument_begins_another_message() {
        let table = [
            ("hello: you", ":>>MSG:a:hello: you"),
            ("x:>>START:u", ":>>MSG:a:x: >>START:u"),
            // The colon in front of the argument must not help either.
            (">>START:u", ":>>MSG:a: >>START:u"),
            // Nor a control character that is left out.
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
        fn a_message_begins_only_where_it_begins(
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

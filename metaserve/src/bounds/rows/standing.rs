//! Whether a server has a row, and why not.

use super::Scope;
use std::fmt;

/// Whether a server is in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The server has a row.
    Listed,
    /// The server waits for a row.
    Waits(Waiting),
}

/// Why a server waits for a row. Its text is shown to the server's operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The number of servers of the same prefix in the list.
    pub listed: usize,
    /// The position among the waiting servers when it came, starting at 1.
    pub position: usize,
    pub(super) scope: Scope,
}

impl Waiting {
    /// The prefix whose rows are taken, as text.
    #[must_use]
    pub fn prefix(&self) -> String {
        match self.scope {
            Scope::Prefix(prefix) => prefix.to_string(),
            Scope::Trusted(net, _) => net.to_string(),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            listed, position, ..
        } = self;
        let whose = match self.scope {
            Scope::Prefix(prefix) if prefix.is_leaf() => "your address".into(),
            _ => format!("your network {}", self.prefix()),
        };
        let nth = ordinal(*position);
        write!(
            f,
            "not listed: {listed} servers of {whose} are already listed; this one is the {nth} \
             in the queue"
        )
    }
}

/// `1st`, `2nd`, `11th`.
pub(super) fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

//! Which of several connections: pure.

use crate::address::Family;
use std::{fmt, sync::Arc};

/// One of the connections that a game server keeps at the same time. The default is the only one:
/// to any of the daemons, over either family.
///
/// As text it is what distinguishes it from the others, such as `at b.example.org:4433 over IPv6`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Way {
    /// The daemon to connect to, `HOST:PORT`, when the server is listed at every one of several.
    /// None: any of them.
    pub at: Option<Arc<str>>,
    /// The family of addresses to connect over. None: either.
    pub over: Option<Family>,
}

impl Way {
    /// To any daemon, over this family.
    #[must_use]
    pub const fn over(family: Family) -> Self {
        Self {
            at: None,
            over: Some(family),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.at, self.over) {
            (None, None) => Ok(()),
            (Some(at), None) => write!(f, "at {at}"),
            (None, Some(family)) => write!(f, "over {family}"),
            (Some(at), Some(family)) => write!(f, "at {at} over {family}"),
        }
    }
}

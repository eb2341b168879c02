//! The values of the daemon's settings as they are written.

use metaserve::bounds::{InvalidPrefix, Trusted, TrustedPrefix};
use std::str::FromStr;

/// A trusted prefix, or `none`, which removes the default ones.
#[derive(Clone, Copy, Debug)]
pub enum Trust {
    /// Trust only the prefixes that are given.
    None,
    /// Trust this prefix as well.
    Prefix(TrustedPrefix),
}

impl Trust {
    /// All trusted prefixes: the given ones, and the default ones unless `none` is given.
    pub(super) fn all(given: &[Self]) -> Trusted {
        let none = given.iter().any(|it| matches!(it, Self::None));
        let trusted = if none {
            Trusted::none()
        } else {
            Trusted::default()
        };
        trusted.and(given.iter().filter_map(|it| match it {
            Self::None => None,
            Self::Prefix(prefix) => Some(*prefix),
        }))
    }
}

impl FromStr for Trust {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        match text {
            "none" => Ok(Self::None),
            prefix => prefix.parse().map(Self::Prefix),
        }
    }
}

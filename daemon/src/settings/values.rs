//! The values of the daemon's settings as they are written.

use metaserve::bounds::{InvalidPrefix, Trusted, TrustedPrefix};
use std::{net::SocketAddr, str::FromStr};

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

/// Whether and where HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP is not served.
    Off,
    /// HTTP is served on this address if it is free, else not at all: a second daemon on a machine
    /// runs without HTTP.
    IfFree(SocketAddr),
    /// HTTP is served on this address, or the daemon does not start.
    At(SocketAddr),
}

impl FromStr for Http {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let explain = |error| format!("{error}: write an address like 127.0.0.1:8080, or off");
        match text.strip_suffix(" if free") {
            Some(address) => address.parse().map(Self::IfFree),
            None => text.parse().map(Self::At),
        }
        .map_err(explain)
    }
}

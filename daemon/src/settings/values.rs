//! How settings of the daemon are written.

use metaserve::bounds::{InvalidPrefix, Trusted, TrustedPrefix};
use std::{net::SocketAddr, str::FromStr};

/// One of several prefixes that are trusted, or that none are but those given.
#[derive(Clone, Copy, Debug)]
pub enum Trust {
    /// None but those given.
    None,
    /// This one as well.
    Prefix(TrustedPrefix),
}

impl Trust {
    /// All of them, with the default ones unless those are not wanted.
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

/// Where HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// Nowhere.
    Off,
    /// Here if the address can be had, else nowhere: a second daemon on a machine goes on without.
    IfFree(SocketAddr),
    /// Here, or the daemon does not start.
    At(SocketAddr),
}

impl FromStr for Http {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let explain = |error| format!("{error}: write an address as 127.0.0.1:8080, or off");
        match text.strip_suffix(" if free") {
            Some(address) => address.parse().map(Self::IfFree),
            None => text.parse().map(Self::At),
        }
        .map_err(explain)
    }
}

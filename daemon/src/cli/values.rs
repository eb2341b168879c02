//! How settings are written.

use metaserve::bounds::{InvalidPrefix, Trusted, TrustedPrefix};
use serde::Deserialize;
use std::{net::SocketAddr, str::FromStr, time::Duration};

/// A duration as people write it: `200ms`, `3s`, `1m 30s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HumanDuration(pub(super) Duration);

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain = |error| format!("{error}: write a duration as 200ms, 3s or 1m");
        humantime::parse_duration(text).map(Self).map_err(explain)
    }
}

impl TryFrom<String> for HumanDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Switch {
    On,
    Off,
}

/// One of several prefixes that are trusted, or that none are but those given.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Trust {
    None,
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

impl TryFrom<String> for Trust {
    type Error = InvalidPrefix;

    fn try_from(text: String) -> Result<Self, InvalidPrefix> {
        text.parse()
    }
}

/// Where HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
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
        text.parse().map(Self::At).map_err(explain)
    }
}

impl TryFrom<String> for Http {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

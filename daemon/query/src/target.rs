//! Which server is asked, and how.

use crate::Protocol;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, net::Ipv6Addr, str::FromStr};

/// A game server to ask, written `quake3://127.0.0.1:27960`.
///
/// The host is a name or an address of either family, an IPv6 address in brackets. Without a port
/// it is the usual one of the protocol or game.
///
/// ```
/// use metaserve_query::{Protocol, Target};
///
/// let target: Target = "quake3://[::1]".parse()?;
/// assert_eq!((target.protocol, target.port), (Protocol::Quake3, 27960));
/// assert_eq!(target.to_string(), "quake3://[::1]:27960");
/// # Ok::<(), metaserve_query::InvalidTarget>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How it is asked.
    pub protocol: Protocol,
    /// A name, or an address of either family (without brackets).
    pub host: String,
    /// The port that answers.
    pub port: u16,
}

/// The text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// There is no `://`.
    #[error("write PROTOCOL://HOST:PORT, such as quake3://127.0.0.1:27960, not {0:?}")]
    NoProtocol(String),
    /// The protocol is unknown.
    #[error("no protocol or game is called {0:?}: choose one of {schemes}", schemes = schemes())]
    UnknownProtocol(String),
    /// Nothing is between `://` and the port, or it is no name.
    #[error("{0:?} is no host: write a name or an address")]
    InvalidHost(String),
    /// An IPv6 address is written without brackets.
    #[error("write the IPv6 address {0} in brackets: [{0}]")]
    NoBrackets(String),
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port: write a number from 1 to 65535")]
    InvalidPort(String),
    /// The game has no usual port.
    #[error("add a port: {0} has no usual one")]
    NoPort(String),
}

fn schemes() -> String {
    let mut text = String::new();
    for scheme in Protocol::schemes() {
        let comma = if text.is_empty() { "" } else { ", " };
        text.extend([comma, scheme]);
    }
    text
}

impl Target {
    /// The server's host and port, such as `[::1]:27960`.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let parts = text.split_once("://");
        let (scheme, rest) = parts.ok_or_else(|| InvalidTarget::NoProtocol(text.into()))?;
        let (protocol, usual) =
            Protocol::find(scheme).ok_or_else(|| InvalidTarget::UnknownProtocol(scheme.into()))?;
        let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest))?;
        let port = match port {
            Some(text) => number(text)?,
            None => usual.ok_or_else(|| InvalidTarget::NoPort(scheme.into()))?,
        };
        let host = host.to_owned();
        Ok(Self {
            protocol,
            host,
            port,
        })
    }
}

/// Splits `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`.
fn host_and_port(text: &str) -> Result<(&str, Option<&str>), InvalidTarget> {
    let invalid = || InvalidTarget::InvalidHost(text.into());
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(invalid)?;
        // An address of a link names its interface: fe80::1%eth0.
        let address = host.split('%').next().unwrap_or_default();
        address.parse::<Ipv6Addr>().map_err(|_| invalid())?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(InvalidTarget::InvalidPort(rest.into())),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(InvalidTarget::NoBrackets(text.into()));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@[]\\".contains(c);
    if host.is_empty() || host.contains(odd) {
        return Err(invalid());
    }
    Ok((host, port))
}

fn number(text: &str) -> Result<u16, InvalidTarget> {
    // Not "+80".
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| InvalidTarget::InvalidPort(text.into()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol, self.authority())
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Target>().unwrap_err().to_string()
    }

    #[test]
    fn a_target_is_written_as_it_was_read() {
        let table = [
            ("quake3://127.0.0.1:27961", "quake3://127.0.0.1:27961"),
            ("quake3://[::1]:27960", "quake3://[::1]:27960"),
            (
                "quake3://[fe80::1%eth0]:27960",
                "quake3://[fe80::1%eth0]:27960",
            ),
            (
                "Minecraft://mc.example.org/",
                "minecraft://mc.example.org:25565",
            ),
            ("luanti://localhost", "luanti://localhost:30000"),
            (" xonotic://[2001:db8::7] ", "quake3://[2001:db8::7]:26000"),
            ("ddnet://10.0.0.1", "teeworlds6://10.0.0.1:8303"),
        ];
        for (text, shown) in table {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(shown.parse(), Ok(target));
        }
    }

    #[test]
    fn the_host_of_an_ipv6_address_has_no_brackets() {
        let target: Target = "mumble://[::1]".parse().unwrap();
        assert_eq!((&*target.host, target.port), ("::1", 64738));
    }

    #[test]
    fn a_mistake_says_what_to_write_instead() {
        let table = [
            ("127.0.0.1:27960", "write PROTOCOL://HOST:PORT"),
            ("quake3:/127.0.0.1", "write PROTOCOL://HOST:PORT"),
            (
                "quake9://a:1",
                "choose one of quake1, netquake, quake2, quake3, ",
            ),
            ("quake3://", "no host"),
            ("quake3://:27960", "no host"),
            ("quake3://a b", "no host"),
            ("quake3://user@a", "no host"),
            ("quake3://a/path", "no host"),
            ("quake3://[::1", "no host"),
            ("quake3://[a]", "no host"),
            ("quake3://::1", "in brackets: [::1]"),
            ("quake3://a:", "no port"),
            ("quake3://a:0", "no port"),
            ("quake3://a:+80", "no port"),
            ("quake3://a:65536", "no port"),
            ("quake3://[::1]27960", "no port"),
        ];
        for (text, expected) in table {
            let error = error(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_target_is_a_text_in_files() {
        let target: Target = serde_json::from_str(r#""quake2://a""#).unwrap();
        assert_eq!(
            serde_json::to_string(&target).unwrap(),
            r#""quake2://a:27910""#
        );
        assert!(serde_json::from_str::<Target>(r#""a""#).is_err());
    }
}

//! Servers of the registry that are not shown to players.

use std::{net::SocketAddr, str::FromStr};

use ipnet::IpNet;
use metaserve::{Fingerprint, address::canonical, bans};
use metaserve_client::Server;
use serde::{Deserialize, Deserializer, de};

/// Servers that are not shown in rooms: `all`, a fingerprint, an address or prefix, `IP:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// All servers.
    All,
    /// The server with this certificate, at any address.
    Identity(Fingerprint),
    /// Servers with an address within this prefix.
    Within(IpNet),
    /// The server with this address.
    At(SocketAddr),
}

impl Hidden {
    /// Whether this server is hidden.
    #[must_use]
    pub fn hides(&self, server: &Server) -> bool {
        let mut addresses = server.addresses.iter();
        match self {
            Self::All => true,
            Self::Identity(fingerprint) => server.identity == Some(*fingerprint),
            Self::Within(prefix) => addresses.any(|it| prefix.contains(&it.ip().to_canonical())),
            Self::At(address) => addresses.any(|it| canonical(*it) == canonical(*address)),
        }
    }
}

impl FromStr for Hidden {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fingerprint = || text.parse().map(Self::Identity).ok();
        let address = || text.parse().map(Self::At).ok();
        let prefix = || bans::prefix(text).map(Self::Within).ok();
        match text {
            "all" => Ok(Self::All),
            _ => fingerprint().or_else(address).or_else(prefix).ok_or(
                "write `all`, a certificate's SHA-256 fingerprint, an address, a prefix such as \
                 192.0.2.0/24, or IP:PORT",
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_hidden_servers_are_distinguished_by_form() {
        let parsed = |text: &str| text.parse::<Hidden>();
        assert_eq!(parsed("all"), Ok(Hidden::All));
        assert!(matches!(parsed(&"0f".repeat(32)), Ok(Hidden::Identity(_))));
        assert!(matches!(parsed("192.0.2.7:4226"), Ok(Hidden::At(_))));
        assert!(matches!(parsed("[2001:db8::7]:4226"), Ok(Hidden::At(_))));
        for text in ["192.0.2.7", "192.0.2.0/24", "2001:db8::7", "2001:db8::/32"] {
            assert!(matches!(parsed(text), Ok(Hidden::Within(_))), "{text}");
        }
        for text in ["", "none", "0f0f", "example.org:4226", "192.0.2.7/24"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}

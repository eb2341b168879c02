//! What can be set, on the command line, in the environment and in a file alike.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use metaserve::Fingerprint;
use serde::{Deserialize, Deserializer, de};

/// Everything that can be set, wherever it is set. What is `None` or empty is left open.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// The daemon to publish games at, or `none` [default: none]
    ///
    /// With `none` the lobbies run alone and nothing is published.
    #[arg(long, value_name = "HOST:PORT|none", env = "METASERVE_BRIDGE_DAEMON")]
    pub daemon: Option<Daemon>,

    /// The SHA-256 fingerprint of the daemon's certificate, 64 hexadecimal digits
    ///
    /// The daemon prints it when it starts. Without it, and without `--ca`, the daemon's
    /// certificate must be one that this system trusts.
    #[arg(long, value_name = "HEX", env = "METASERVE_BRIDGE_FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,

    /// A file with the certificates that may vouch for the daemon, PEM or DER
    #[arg(long, value_name = "FILE", env = "METASERVE_BRIDGE_CA")]
    pub ca: Option<PathBuf>,

    /// Where the bridge keeps its own identity [default: bridge-state]
    #[arg(long, value_name = "DIR", env = "METASERVE_BRIDGE_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// An address at which players reach this machine, once per family
    ///
    /// Listed as the address of every game that is played through the bridge. Needed when it
    /// stands behind a router or load balancer; otherwise the address that a game's host came
    /// in on is right.
    #[arg(
        long,
        value_name = "IP",
        env = "METASERVE_BRIDGE_PUBLIC_ADDRESS",
        value_delimiter = ','
    )]
    pub public_address: Vec<IpAddr>,

    /// Run a VCMI lobby at this address; the old one was at `[::]:5002`
    #[arg(long, value_name = "ADDR:PORT", env = "METASERVE_BRIDGE_VCMI")]
    pub vcmi: Option<SocketAddr>,

    /// The most VCMI lobby clients at one time [default: 50]
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_VCMI_CAPACITY")]
    pub vcmi_capacity: Option<usize>,

    /// How often VCMI clients are asked whether they are still there [default: 30s]
    ///
    /// At least 10s. A client that leaves one question unanswered for that long is
    /// disconnected. A bare number is seconds.
    #[arg(long, value_name = "TIME", env = "METASERVE_BRIDGE_VCMI_HEALTHCHECK")]
    pub vcmi_healthcheck: Option<Seconds>,

    /// Whether VCMI users may ask for statistics with `<ROOT>` [default: true]
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_VCMI_STATISTICS")]
    pub vcmi_statistics: Option<bool>,

    /// What is logged: error, warn, info, debug, trace, or a filter [default: info]
    ///
    /// A filter chooses by part: `info,metaserve_lobby_bridge::vcmi=debug`.
    #[arg(long, value_name = "FILTER", env = "METASERVE_BRIDGE_LOG")]
    pub log: Option<String>,
}

/// The daemon to publish at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Daemon {
    /// None: the bridge runs alone.
    #[default]
    None,
    /// The daemon at this `HOST:PORT`.
    At(String),
}

/// A time: a bare number of seconds, or with units as in `1m 30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl Options {
    /// These options, and for what they leave open the `other` ones.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        let public_address = match self.public_address.is_empty() {
            true => other.public_address,
            false => self.public_address,
        };
        // Trust is one setting in two forms: never one from here and one from there.
        let (fingerprint, ca) = match (self.fingerprint, self.ca) {
            (None, None) => (other.fingerprint, other.ca),
            ours => ours,
        };
        Self {
            daemon: self.daemon.or(other.daemon),
            fingerprint,
            ca,
            state_dir: self.state_dir.or(other.state_dir),
            public_address,
            vcmi: self.vcmi.or(other.vcmi),
            vcmi_capacity: self.vcmi_capacity.or(other.vcmi_capacity),
            vcmi_healthcheck: self.vcmi_healthcheck.or(other.vcmi_healthcheck),
            vcmi_statistics: self.vcmi_statistics.or(other.vcmi_statistics),
            log: self.log.or(other.log),
        }
    }
}

impl FromStr for Daemon {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::None);
        }
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
            Some(1..) => Ok(Self::At(text.to_owned())),
            _ => Err("write HOST:PORT, such as `list.example.org:7500`, or `none`"),
        }
    }
}

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.parse().map(Duration::from_secs);
        let time = bare.or_else(|_| humantime::parse_duration(text));
        time.map(Self)
            .map_err(|_| "write a time such as `30s`, `1m` or a number of seconds")
    }
}

impl<'de> Deserialize<'de> for Daemon {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Either::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

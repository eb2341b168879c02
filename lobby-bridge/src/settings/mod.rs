//! The settings of a bridge, each declared once: see [`metaserve::program::settings`]. Those of a
//! protocol are declared with it.

mod bridge;

pub use self::bridge::{AuthoritiesError, Bridge};

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use metaserve::{
    Fingerprint,
    program::{
        log::{self, LogFormat},
        settings::{Problem, Settings, Values},
    },
};

use crate::{accounts::AccountSettings, aleph_one::AlephOneSettings, vcmi::VcmiSettings};

/// Everything that can be set, wherever it is set. What is `None` or empty is left open.
#[derive(Args, Clone, Debug)]
pub struct BridgeSettings {
    /// The daemon to publish games at, or `none` [default: none]
    ///
    /// With `none` the lobbies run alone and nothing is published.
    #[arg(long, value_name = "HOST:PORT|none")]
    pub daemon: Option<Daemon>,

    /// The SHA-256 fingerprint of the daemon's certificate, 64 hexadecimal digits
    ///
    /// The daemon prints it when it starts. Without it, and without `--ca`, the daemon's
    /// certificate must be one that this system trusts.
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<Fingerprint>,

    /// A file with the certificates that may vouch for the daemon, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Where the bridge keeps its own identity [default: bridge-state]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// A file with addresses and prefixes that are banned, read again when it changes
    ///
    /// It has to exist, and may be empty. `metaserve-lobby-bridge ban` and `unban` edit it, and so
    /// do Aleph One's moderators with `.ban`, if the service may write to its directory.
    #[arg(long, global = true, value_name = "FILE")]
    pub ban_file: Option<PathBuf>,

    /// An address at which players reach this machine, once per family
    ///
    /// Listed as the address of every game that is played through the bridge. Needed when it
    /// stands behind a router or load balancer; otherwise the address that a game's host came
    /// in on is right.
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub public_address: Vec<IpAddr>,

    /// The VCMI lobby.
    #[command(flatten)]
    pub vcmi: VcmiSettings,

    /// The metaserver of Aleph One.
    #[command(flatten)]
    pub aleph_one: AlephOneSettings,

    /// Its accounts, hubs and logs.
    #[command(flatten)]
    pub accounts: AccountSettings,

    /// Log lines for people or for programs
    ///
    /// `auto` is for the journal where systemd has set that up, else `text`.
    #[arg(long, value_name = "auto|text|json", default_value = "auto")]
    pub log_format: LogFormat,

    /// What may change while the bridge runs.
    #[command(flatten)]
    pub live: Live,
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

/// Where the state is kept unless told otherwise.
const STATE_DIR: &str = "bridge-state";

impl BridgeSettings {
    /// Where the state is kept.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state_dir.as_deref().unwrap_or(Path::new(STATE_DIR))
    }
}

/// Settings that may change while the bridge runs.
#[derive(Args, Clone, Debug)]
pub struct Live {
    /// What is logged: error, warn, info, debug, trace, off, or a filter
    ///
    /// A filter chooses by part: `info,metaserve_lobby_bridge::vcmi=debug`. What it does not name
    /// stays at `info`.
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,
}

/// A log filter, in which a module's former name still selects its lines.
fn log_filter(text: &str) -> Result<String, log::InvalidFilter> {
    log::filter(&text.replace("bridge::myth", "bridge::aleph_one"))
}

impl Settings for BridgeSettings {
    type Live = Live;

    const VARIABLES: &str = "METASERVE_BRIDGE_";
    const TOGETHER: &[&[&str]] = &[&["aleph-one-cert", "aleph-one-key"], &["fingerprint", "ca"]];

    fn log(&self) -> (&str, LogFormat) {
        (&self.live.log, self.log_format)
    }

    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |is: bool, setting, what: &str| {
            if is {
                problems.push(Problem::new(setting, what));
            }
        };
        let given = |name| values.is_given(name);
        problem(
            !given("vcmi") && !given("aleph-one"),
            "vcmi",
            "no lobby to run: give an address for one, such as `--vcmi [::]:5002` or \
             `--aleph-one [::]:6321`",
        );
        problem(
            given("fingerprint") && given("ca"),
            "ca",
            "--fingerprint and --ca are two ways to know the daemon: give one of them",
        );
        problem(
            given("aleph-one-cert") != given("aleph-one-key"),
            if given("aleph-one-cert") {
                "aleph-one-cert"
            } else {
                "aleph-one-key"
            },
            "--aleph-one-cert and --aleph-one-key belong together: give both",
        );
        problems
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

//! Settings: from the command line, the environment and a file to one checked [`Config`].

use crate::{commands::Command, logging::LogFormat};
use anyhow::{Context, bail};
use clap::{ArgAction, Args, Parser};
use metaserve::{Fingerprint, Limits};
use serde::Deserialize;
use std::{
    env,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// Keeps the live list of a game's servers.
///
/// Game servers connect and send heartbeats; game clients connect and are given the list, at
/// once and then every change. Without any argument it serves on all addresses, port 4433 (UDP),
/// with a certificate of its own, and prints what games need to connect.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Settings, and where to find more of them.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Read settings from this TOML file: the same names as below without the dashes in front,
    /// such as `max-heartbeat = 4096`.
    #[arg(long, env = "METASERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

const AFTER_HELP: &str = "\
Each setting is taken from the command line, else from the environment (METASERVE_ and its name), \
else from the file, else its default. Durations are written as 200ms, 3s or 1m.

Signals: SIGTERM and SIGINT tell every peer to come back soon and end the daemon; SIGHUP reads the \
certificate files again (they are also read again when they change).

Examples:
  metaserve-daemon
  metaserve-daemon --cert fullchain.pem --key privkey.pem
  metaserve-daemon --listen 0.0.0.0:5000 --tick 200ms --min-interval 200ms";

/// What can be set, each in the command line, the environment and the file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// Serve on this address (UDP). `[::]` is all addresses, IPv4 as well [default: [::]:4433]
    #[arg(long, env = "METASERVE_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Serve the list over HTTP on this address (TCP), or `off` [default: 127.0.0.1:8080 if that
    /// is free]
    #[arg(long, env = "METASERVE_HTTP", value_name = "ADDRESS:PORT|off")]
    http: Option<Http>,

    /// The certificate chain to show, PEM or DER [default: a self-signed one, made and kept in
    /// the state directory]
    #[arg(long, env = "METASERVE_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The private key of --cert, PEM or DER
    #[arg(long, env = "METASERVE_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// Keep the daemon's own certificate, and keys that let games come back cheaply after a
    /// restart, in this directory [default: $STATE_DIRECTORY, else metaserve-daemon in
    /// $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, env = "METASERVE_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Send changes to clients at most once in this time, 20ms or more. The first change after a
    /// calm time is sent at once [default: 1s]
    #[arg(long, env = "METASERVE_TICK", value_name = "DURATION")]
    tick: Option<HumanDuration>,

    /// Change a server in the list at most once in this time; of several heartbeats the newest
    /// counts [default: 1s]
    #[arg(long, env = "METASERVE_MIN_INTERVAL", value_name = "DURATION")]
    min_interval: Option<HumanDuration>,

    /// Accept heartbeats of at most this many bytes, up to 1048576 [default: 8192]
    #[arg(long, env = "METASERVE_MAX_HEARTBEAT", value_name = "BYTES")]
    max_heartbeat: Option<usize>,

    /// Take a peer for gone after this much silence, 6s to 60s: games show that they are alive
    /// every 5s [default: 15s]
    #[arg(long, env = "METASERVE_IDLE_TIMEOUT", value_name = "DURATION")]
    idle_timeout: Option<HumanDuration>,

    /// Let at most this many peers in at a time, servers, clients and relays together
    /// [default: 50000]
    #[arg(long, env = "METASERVE_MAX_CONNECTIONS", value_name = "COUNT")]
    max_connections: Option<usize>,

    /// Let at most this many games have servers at a time [default: 10000]
    #[arg(long, env = "METASERVE_MAX_GAMES", value_name = "COUNT")]
    max_games: Option<usize>,

    /// Let a relay list at most this many servers [default: 20000]
    #[arg(long, env = "METASERVE_MAX_SERVERS_PER_RELAY", value_name = "COUNT")]
    max_servers_per_relay: Option<usize>,

    /// Give up a client's stream when the client takes nothing for this long; it is given a
    /// snapshot when it reads again [default: 10s]
    #[arg(long, env = "METASERVE_STALL_TIMEOUT", value_name = "DURATION")]
    stall_timeout: Option<HumanDuration>,

    /// Serve at most this many HTTP connections at a time [default: 5000]
    #[arg(long, env = "METASERVE_MAX_HTTP_CONNECTIONS", value_name = "COUNT")]
    max_http_connections: Option<usize>,

    /// Let at most this many HTTP clients listen to events at a time [default: 4000]
    #[arg(long, env = "METASERVE_MAX_LISTENERS", value_name = "COUNT")]
    max_listeners: Option<usize>,

    /// Let the relay with this certificate fingerprint list servers on behalf of others; may be
    /// given several times, or several with commas
    #[arg(
        long,
        env = "METASERVE_TRUST_RELAY",
        value_name = "FINGERPRINT",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    #[serde(default)]
    trust_relay: Vec<Fingerprint>,

    /// Hand several packets to the operating system at once. Without it sending costs 2.6 times
    /// as much; `off` is for network drivers that get it wrong [default: on]
    #[arg(long, env = "METASERVE_SEGMENTATION_OFFLOAD", value_name = "on|off")]
    segmentation_offload: Option<Switch>,

    /// Use this many threads. One is best up to several thousand busy peers: with two, small
    /// packets cost 1.4 times as much [default: 1]
    #[arg(long, env = "METASERVE_THREADS", value_name = "COUNT")]
    threads: Option<usize>,

    /// Log this level and above (error, warn, info, debug, trace), or a filter such as
    /// `info,quinn=debug` [default: info]
    #[arg(long, env = "METASERVE_LOG", value_name = "LEVEL")]
    log: Option<String>,

    /// Log lines for people or for programs [default: for the journal where systemd has set that
    /// up, else text]
    #[arg(long, env = "METASERVE_LOG_FORMAT", value_name = "auto|text|json")]
    log_format: Option<LogFormat>,
}

/// A duration as people write it: `200ms`, `3s`, `1m 30s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct HumanDuration(Duration);

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

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Switch {
    On,
    Off,
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

/// All settings of a daemon, checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The UDP address to serve on.
    pub listen: SocketAddr,
    /// The TCP address to serve HTTP on, if any.
    pub http: Http,
    /// Files of the certificate chain and its key; none for a certificate of its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where the daemon keeps what outlives it.
    pub state_dir: PathBuf,
    /// The least time between two frames to clients.
    pub tick: Duration,
    /// The bounds that peers are held to.
    pub limits: Limits,
    /// Certificates whose holders may list servers on behalf of others.
    pub trust_relay: Vec<Fingerprint>,
    /// Whether several packets are handed to the operating system at once.
    pub segmentation_offload: bool,
    /// Threads of the runtime, for the binary.
    pub threads: usize,
    /// What the binary logs.
    pub log: String,
    /// How the binary logs.
    pub log_format: LogFormat,
}

impl Config {
    /// The shortest tick: 20 ms.
    pub const MIN_TICK: Duration = Duration::from_millis(20);

    /// The defaults, with state kept in `state_dir`.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            listen: (Ipv6Addr::UNSPECIFIED, 4433).into(),
            http: Http::IfFree((Ipv4Addr::LOCALHOST, 8080).into()),
            certificate: None,
            state_dir,
            tick: Duration::from_secs(1),
            limits: Limits::default(),
            trust_relay: Vec::new(),
            segmentation_offload: true,
            threads: 1,
            log: "info".into(),
            log_format: LogFormat::default(),
        }
    }
}

impl ServeArgs {
    /// The file with further settings, if one is named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The settings from all places, checked.
    ///
    /// # Errors
    /// When the file cannot be read or understood, or settings contradict each other.
    pub(crate) fn config(self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(Settings::read).transpose()?;
        self.settings.or(file.unwrap_or_default()).check()
    }
}

impl Settings {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let problem = || format!("the configuration file {} cannot be used", path.display());
        let text = std::fs::read_to_string(path).with_context(problem)?;
        toml::from_str(&text).with_context(problem)
    }

    /// These settings, with those of `other` where these say nothing.
    fn or(self, other: Self) -> Self {
        let trust_relay = if self.trust_relay.is_empty() {
            other.trust_relay
        } else {
            self.trust_relay
        };
        // A certificate and its key belong together: never one from here and one from there.
        let (cert, key) = match (self.cert, self.key) {
            (None, None) => (other.cert, other.key),
            ours => ours,
        };
        Self {
            listen: self.listen.or(other.listen),
            http: self.http.or(other.http),
            cert,
            key,
            state_dir: self.state_dir.or(other.state_dir),
            tick: self.tick.or(other.tick),
            min_interval: self.min_interval.or(other.min_interval),
            max_heartbeat: self.max_heartbeat.or(other.max_heartbeat),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            max_connections: self.max_connections.or(other.max_connections),
            max_games: self.max_games.or(other.max_games),
            max_servers_per_relay: self.max_servers_per_relay.or(other.max_servers_per_relay),
            stall_timeout: self.stall_timeout.or(other.stall_timeout),
            max_http_connections: self.max_http_connections.or(other.max_http_connections),
            max_listeners: self.max_listeners.or(other.max_listeners),
            trust_relay,
            segmentation_offload: self.segmentation_offload.or(other.segmentation_offload),
            threads: self.threads.or(other.threads),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
        }
    }

    fn check(self) -> anyhow::Result<Config> {
        let mut config = Config::new(match self.state_dir {
            Some(directory) => directory,
            None => default_state_dir()?,
        });
        config.certificate = match (self.cert, self.key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => bail!("--cert needs --key: name the certificate's private key"),
            (None, Some(_)) => bail!("--key needs --cert: name the key's certificate chain"),
        };
        set(&mut config.listen, self.listen);
        set(&mut config.http, self.http);
        set(&mut config.tick, self.tick.map(|tick| tick.0));
        if config.tick < Config::MIN_TICK {
            bail!("--tick {:?} is too short: choose 20ms or more", config.tick);
        }
        let limits = &mut config.limits;
        set(
            &mut limits.min_interval,
            self.min_interval.map(|interval| interval.0),
        );
        set(&mut limits.max_heartbeat_bytes, self.max_heartbeat);
        set(
            &mut limits.idle_timeout,
            self.idle_timeout.map(|timeout| timeout.0),
        );
        set(&mut limits.max_connections, self.max_connections);
        set(&mut limits.max_games, self.max_games);
        set(
            &mut limits.max_servers_per_relay,
            self.max_servers_per_relay,
        );
        set(
            &mut limits.stall_timeout,
            self.stall_timeout.map(|timeout| timeout.0),
        );
        set(&mut limits.max_http_connections, self.max_http_connections);
        set(&mut limits.max_listeners, self.max_listeners);
        limits.check()?;
        config.trust_relay = self.trust_relay;
        set(
            &mut config.segmentation_offload,
            self.segmentation_offload.map(|it| it == Switch::On),
        );
        set(&mut config.threads, self.threads);
        if config.threads == 0 {
            bail!("--threads 0 would serve nobody: choose 1 or more");
        }
        set(&mut config.log, self.log);
        set(&mut config.log_format, self.log_format);
        Ok(config)
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

fn default_state_dir() -> anyhow::Result<PathBuf> {
    let directory = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(given_by_systemd) = directory("STATE_DIRECTORY") {
        return Ok(given_by_systemd);
    }
    let state = directory("XDG_STATE_HOME")
        .or_else(|| Some(directory("HOME")?.join(".local/state")))
        .or_else(|| directory("LOCALAPPDATA"))
        .context("there is no home directory to keep state in: choose one with --state-dir")?;
    Ok(state.join("metaserve-daemon"))
}

#[cfg(test)]
mod tests;

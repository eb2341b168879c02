//! What can be set, and how the places where it is set are put together.

use super::{
    Config, Http, JoinLink,
    values::{HumanDuration, Switch, Trust},
};
use anyhow::{Context, bail};
use clap::{ArgAction, Args};
use metaserve::{Fingerprint, Limits, program::log::LogFormat, text};
use serde::Deserialize;
use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// What can be set, each in the command line, the environment and the file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Settings {
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

    /// Change a server in the list at most once in this time, on average; of several heartbeats
    /// the newest counts [default: 1s]
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

    /// Let at most this many game servers and relays in at a time, so that there is room for
    /// clients. When all places are taken, addresses share them fairly [default: 20000, or two
    /// fifths of the connections that are set]
    #[arg(long, env = "METASERVE_MAX_SERVERS", value_name = "COUNT")]
    max_servers: Option<usize>,

    /// Let at most this many game clients in at a time, so that there is room for servers; shared
    /// as well [default: 40000, or four fifths of the connections that are set]
    #[arg(long, env = "METASERVE_MAX_CLIENTS", value_name = "COUNT")]
    max_clients: Option<usize>,

    /// Let at most this many game servers in from one IPv4 address or one IPv6 network of 64 bits
    /// [default: 256]
    #[arg(long, env = "METASERVE_MAX_SERVERS_PER_PREFIX", value_name = "COUNT")]
    max_servers_per_prefix: Option<usize>,

    /// The same for game clients [default: 1024]
    #[arg(long, env = "METASERVE_MAX_CLIENTS_PER_PREFIX", value_name = "COUNT")]
    max_clients_per_prefix: Option<usize>,

    /// The old name of the two above: sets each that is not given
    #[arg(
        long,
        env = "METASERVE_MAX_CONNECTIONS_PER_PREFIX",
        value_name = "COUNT",
        hide = true
    )]
    max_connections_per_prefix: Option<usize>,

    /// Have new peers prove their address first (QUIC Retry, a round trip more) while so many
    /// handshakes are under way; 0 for always [default: 256]
    #[arg(long, env = "METASERVE_RETRY_ABOVE_HANDSHAKES", value_name = "COUNT")]
    retry_above_handshakes: Option<usize>,

    /// The same when more handshakes than this were begun in a second [default: 500]
    #[arg(long, env = "METASERVE_RETRY_ABOVE_PER_SECOND", value_name = "COUNT")]
    retry_above_per_second: Option<u32>,

    /// Do not answer new peers at all while so many handshakes are under way [default: 4096]
    #[arg(long, env = "METASERVE_MAX_HANDSHAKES", value_name = "COUNT")]
    max_handshakes: Option<usize>,

    /// Give a peer this long for its handshake, again for its first message, and as long for the
    /// head of an HTTP request; 1s to 60s [default: 10s]
    #[arg(long, env = "METASERVE_HELLO_TIMEOUT", value_name = "DURATION")]
    hello_timeout: Option<HumanDuration>,

    /// Accept so many heartbeats of one server in one --min-interval, lastingly; ten times as
    /// many at once. A server that sends more is warned, then closed [default: 32]
    #[arg(long, env = "METASERVE_HEARTBEATS_PER_INTERVAL", value_name = "COUNT")]
    heartbeats_per_interval: Option<u32>,

    /// Let at most this many games have servers at a time [default: 10000]
    #[arg(long, env = "METASERVE_MAX_GAMES", value_name = "COUNT")]
    max_games: Option<usize>,

    /// List at most this many servers of one IPv4 address or one IPv6 network of 64 bits, and four
    /// times as many of the /24 or /48 around it; more may connect, and wait for a row
    /// [default: 64]
    #[arg(long, env = "METASERVE_MAX_LISTED_PER_PREFIX", value_name = "COUNT")]
    max_listed_per_prefix: Option<usize>,

    /// Let a relay list at most this many servers [default: 20000]
    #[arg(long, env = "METASERVE_MAX_SERVERS_PER_RELAY", value_name = "COUNT")]
    max_servers_per_relay: Option<usize>,

    /// Give up a client's stream when the client takes nothing for this long; it is given a
    /// snapshot when it reads again [default: 10s]
    #[arg(long, env = "METASERVE_STALL_TIMEOUT", value_name = "DURATION")]
    stall_timeout: Option<HumanDuration>,

    /// Hold at most this many bytes that a client has not acknowledged, 16384 to 16777216
    /// [default: 131072]
    #[arg(long, env = "METASERVE_SEND_WINDOW", value_name = "BYTES")]
    send_window: Option<u32>,

    /// Serve at most this many HTTP connections at a time [default: 5000]
    #[arg(long, env = "METASERVE_MAX_HTTP_CONNECTIONS", value_name = "COUNT")]
    max_http_connections: Option<usize>,

    /// Let at most this many HTTP clients listen to events at a time [default: 4000]
    #[arg(long, env = "METASERVE_MAX_LISTENERS", value_name = "COUNT")]
    max_listeners: Option<usize>,

    /// Let nobody in from the addresses and prefixes in this file, one a line; it is read again
    /// when it changes, and `metaserve-daemon ban` edits it [default: none]
    #[arg(long, env = "METASERVE_BAN_FILE", value_name = "FILE")]
    pub(super) ban_file: Option<PathBuf>,

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

    /// Have the page offer a link to join servers of this game, such as
    /// `openarena=quake3://{address}`: `{address}` becomes the server's address and port. The
    /// scheme is one that the game registers; may be given several times, or several with commas
    #[arg(
        long,
        env = "METASERVE_JOIN_LINK",
        value_name = "GAME=LINK",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    #[serde(default)]
    join_link: Vec<JoinLink>,

    /// Let the addresses of this prefix each count for themselves, and not for their neighbours, as
    /// a hoster's should, and list this many of their servers together, or any number; may be given
    /// several times, or several with commas. Loopback and private prefixes are trusted, unless
    /// `none` is given
    #[arg(
        long,
        env = "METASERVE_TRUSTED_PREFIX",
        value_name = "CIDR[=ROWS]|none",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    #[serde(default)]
    trusted_prefix: Vec<Trust>,

    /// Hand several packets to the operating system at once. Without it sending costs 2.6 times
    /// as much; `off` is for network drivers that get it wrong [default: on]
    #[arg(long, env = "METASERVE_SEGMENTATION_OFFLOAD", value_name = "on|off")]
    segmentation_offload: Option<Switch>,

    /// Use this many threads. One is best up to several thousand busy peers: with two, small
    /// packets cost 1.4 times as much [default: 1]
    #[arg(long, env = "METASERVE_THREADS", value_name = "COUNT")]
    threads: Option<usize>,

    /// Log this level and above (error, warn, info, debug, trace, off), or a filter such as
    /// `info,quinn=debug`; what it does not name stays at info [default: info]
    #[arg(long, env = "METASERVE_LOG", value_name = "LEVEL")]
    log: Option<String>,

    /// Log lines for people or for programs [default: for the journal where systemd has set that
    /// up, else text]
    #[arg(long, env = "METASERVE_LOG_FORMAT", value_name = "auto|text|json")]
    log_format: Option<LogFormat>,
}

impl Settings {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let problem = || format!("the configuration file {} cannot be used", path.display());
        let text = text::read(path).with_context(problem)?;
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let look_alike = text::look_alike(&text, at);
            let error = anyhow::Error::new(error);
            let error = match look_alike {
                Some(look_alike) => error.context(look_alike),
                None => error,
            };
            error.context(problem())
        })
    }

    /// These settings, with those of `other` where these say nothing.
    pub(super) fn or(self, other: Self) -> Self {
        // A certificate and its key belong together: never one from here and one from there.
        let (cert, key) = match (self.cert, self.key) {
            (None, None) => (other.cert, other.key),
            ours => ours,
        };
        macro_rules! merged {
            ($($setting:ident)*) => {
                Self {
                    cert,
                    key,
                    trust_relay: either(self.trust_relay, other.trust_relay),
                    join_link: either(self.join_link, other.join_link),
                    trusted_prefix: either(self.trusted_prefix, other.trusted_prefix),
                    $($setting: self.$setting.or(other.$setting),)*
                }
            };
        }
        merged! {
            listen http state_dir tick min_interval max_heartbeat idle_timeout max_connections
            max_servers max_clients max_servers_per_prefix max_clients_per_prefix
            max_connections_per_prefix retry_above_handshakes retry_above_per_second
            max_handshakes hello_timeout heartbeats_per_interval max_games max_listed_per_prefix
            max_servers_per_relay
            stall_timeout send_window max_http_connections max_listeners ban_file
            segmentation_offload threads log log_format
        }
    }

    pub(super) fn check(self) -> anyhow::Result<Config> {
        let limits = self.limits();
        limits.check()?;
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
        config.limits = limits;
        config.ban_file = self.ban_file;
        config.trust_relay = self.trust_relay;
        for JoinLink { game, link } in self.join_link {
            if config.join_links.insert(game.clone(), link).is_some() {
                bail!("--join-link {game}=... is given twice: choose one link for each game");
            }
        }
        config.trusted = Trust::all(&self.trusted_prefix);
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

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(all) = self.max_connections {
            limits.share_out(all);
        }
        set(
            &mut limits.max_servers_per_prefix,
            self.max_connections_per_prefix,
        );
        set(
            &mut limits.max_clients_per_prefix,
            self.max_connections_per_prefix,
        );
        macro_rules! set_limits {
            ($($setting:ident $limit:ident,)*) => {
                $(set(&mut limits.$limit, self.$setting.map(Into::into));)*
            };
        }
        set_limits! {
            min_interval min_interval,
            max_heartbeat max_heartbeat_bytes,
            idle_timeout idle_timeout,
            max_servers max_servers,
            max_clients max_clients,
            max_servers_per_prefix max_servers_per_prefix,
            max_clients_per_prefix max_clients_per_prefix,
            retry_above_handshakes retry_above_handshakes,
            retry_above_per_second retry_above_per_second,
            max_handshakes max_handshakes,
            hello_timeout hello_timeout,
            heartbeats_per_interval heartbeats_per_interval,
            max_games max_games,
            max_listed_per_prefix max_listed_per_prefix,
            max_servers_per_relay max_servers_per_relay,
            stall_timeout stall_timeout,
            send_window send_window_bytes,
            max_http_connections max_http_connections,
            max_listeners max_listeners,
        }
        limits
    }
}

fn either<T>(ours: Vec<T>, theirs: Vec<T>) -> Vec<T> {
    if ours.is_empty() { theirs } else { ours }
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

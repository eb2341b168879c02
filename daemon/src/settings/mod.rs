//! The settings of a daemon. Each is declared once: see [`metaserve::program::settings`].

mod cluster;
mod join_link;
mod names;
#[cfg(test)]
mod tests;
mod values;

pub use cluster::{Cluster, ClusterLive, ClusterName, ClusterRole, MemberName, NatsUrl};
pub(crate) use cluster::{Terms, unprotected};
pub use join_link::JoinLink;
pub use metaserve::announce::ProxyPrefix;
pub use metaserve::program::Http;
pub use names::{Names, NamesLive};
pub use values::Trust;

use clap::{
    ArgAction, Args,
    builder::{OsStringValueParser, TypedValueParser},
};
use metaserve::{
    Fingerprint, Game, InvalidLimits, Limits, Role, announce,
    bounds::Trusted,
    program::{
        log::{self, LogFormat},
        settings::{self, Problem, Values, switch, within},
    },
    tls::connection_ids::MAX_SHARDS,
};
use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// All settings of a daemon.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct Settings {
    /// Listen on this address (UDP). `[::]` means all addresses, including IPv4
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:4433")]
    pub listen: SocketAddr,

    /// Serve the list over HTTP on this address (TCP), or `off`
    #[arg(
        long,
        value_name = "ADDRESS:PORT|off",
        default_value = "127.0.0.1:8080 if free"
    )]
    pub http: Http,

    /// The certificate chain to show, PEM or DER. Without it, the daemon makes a self-signed
    /// certificate and keeps it in the state directory
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The private key of --cert, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Keep the self-signed certificate, and keys that make reconnecting cheap after a restart, in
    /// this directory [default: $STATE_DIRECTORY, else metaserve-daemon in $XDG_STATE_HOME or
    /// ~/.local/state]
    #[arg(
        long,
        value_name = "DIR",
        default_value_os_t = default_state_dir().unwrap_or_default(),
        hide_default_value = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub state_dir: PathBuf,

    /// Send changes to clients at most once per this time. The first change after a quiet period
    /// is sent at once
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1s",
        value_parser = within(Duration::from_millis(20)..=Duration::from_secs(600))
    )]
    pub tick: Duration,

    /// Refuse peers from the addresses and prefixes in this file, one per line. The file is read
    /// again when it changes, and `metaserve-daemon ban` edits it
    #[arg(long, value_name = "FILE")]
    pub ban_file: Option<PathBuf>,

    /// Hand several packets to the operating system at once. Turning it off makes sending cost 2.6
    /// times as much; do so only for a network driver that handles it wrongly
    #[arg(
        long,
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub segmentation_offload: bool,

    /// The number of threads that serve peers, each with a UDP socket of its own on the same
    /// address. By default one for each core, 8 at most. On systems other than Linux it is always
    /// one
    #[arg(long, value_name = "COUNT", value_parser = within(1..=usize::from(MAX_SHARDS)))]
    pub threads: Option<usize>,

    /// The format of log lines of the binary, for people or for programs. `auto` is the journal's
    /// format under systemd, else text
    #[arg(long, value_name = "auto|text|json", default_value = "auto")]
    pub log_format: LogFormat,

    /// The old name of --max-servers-per-prefix and --max-clients-per-prefix: sets those of the
    /// two that are not given
    #[arg(long, value_name = "COUNT", hide = true)]
    pub(crate) max_connections_per_prefix: Option<usize>,

    /// The settings that may change while the daemon runs.
    #[command(flatten)]
    pub live: Live,

    /// The settings of a cluster.
    #[command(flatten)]
    pub cluster: Cluster,

    /// The settings of names.
    #[command(flatten)]
    pub names: Names,
}

/// All settings that may change while a daemon runs.
#[derive(Clone, Debug, Args)]
pub struct AllLive {
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    cluster: ClusterLive,
    #[command(flatten)]
    names: NamesLive,
}

/// The most threads that are used by default: few lists keep more busy.
const DEFAULT_MAX_THREADS: usize = 8;

impl Settings {
    /// How many shards there are on this machine.
    pub(crate) fn shards(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        match self.threads {
            // Only Linux distributes packets among several sockets.
            _ if !cfg!(target_os = "linux") => 1,
            Some(count) => count,
            None => cores().min(DEFAULT_MAX_THREADS),
        }
    }

    /// The roles of peers that the daemon takes.
    pub(crate) fn takes(&self) -> Vec<Role> {
        let names = self.names.is_on.then_some(Role::Names);
        self.cluster
            .role
            .takes()
            .iter()
            .copied()
            .chain(names)
            .collect()
    }
}

/// The settings that may change while a daemon runs, except those of a cluster.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
pub struct Live {
    /// Allow the relay with this certificate fingerprint to list servers on behalf of others
    #[arg(
        long,
        value_name = "FINGERPRINT",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub trust_relay: Vec<Fingerprint>,

    /// Show a link on the page to join servers of this game, such as
    /// `openarena=quake3://{address}`. `{address}` becomes the server's address and port; the
    /// scheme is one that the game registers
    #[arg(
        long,
        value_name = "GAME=LINK",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub join_link: Vec<JoinLink>,

    /// Count each address of this prefix on its own, not together with its neighbours, as is right
    /// for a hosting company, and list at most this many of their servers together, or any number.
    /// Loopback and private prefixes are trusted unless `none` is given
    #[arg(
        long,
        value_name = "CIDR[=ROWS]|none",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub trusted_prefix: Vec<Trust>,

    /// List servers that are announced over HTTP, for games that do not speak QUIC. Announcements
    /// are read from this machine, and from a reverse proxy with HTTPS (--http-trusted-proxy)
    #[arg(
        long,
        value_name = "on|off",
        default_value = "off",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub announce: bool,

    /// Trust the reverse proxies at this address or prefix: the client of a request from there is
    /// the last address in its X-Forwarded-For. Bans, places and announced servers then count for
    /// that client, not for the proxy
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub http_trusted_proxy: Vec<ProxyPrefix>,

    /// Log this level and above (error, warn, info, debug, trace, off), or use a filter such as
    /// `info,quinn=debug`. Targets that the filter does not name log at info
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        value_parser = log::filter
    )]
    pub log: String,

    /// The limits for peers.
    #[command(flatten)]
    pub limits: Limits,
}

impl settings::Settings for Settings {
    type Live = AllLive;

    const VARIABLES: &str = "METASERVE_";
    const OTHERS: &[&str] = &[
        "METASERVE_BRIDGE_",
        "METASERVE_AGENT_",
        "METASERVE_LIBRARY",
        "METASERVE_TEST_",
    ];
    const TOGETHER: &[&[&str]] = &[&["cert", "key"], &["cluster-cert", "cluster-cert-key"]];

    fn log(&self) -> (&str, LogFormat) {
        (&self.live.log, self.log_format)
    }

    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let limits = &mut self.live.limits;
        let (servers, clients) = (limits.max_servers, limits.max_clients);
        if values.is_given("max-connections") {
            limits.share_out(limits.max_connections);
        }
        let set = |limit: &mut usize, name, given: usize| {
            if values.is_given(name) {
                *limit = given;
            }
        };
        set(&mut limits.max_servers, "max-servers", servers);
        set(&mut limits.max_clients, "max-clients", clients);
        if let Some(both) = self.max_connections_per_prefix {
            for (limit, name) in [
                (&mut limits.max_servers_per_prefix, "max-servers-per-prefix"),
                (&mut limits.max_clients_per_prefix, "max-clients-per-prefix"),
            ] {
                if !values.is_given(name) {
                    *limit = both;
                }
            }
        }
        let mut problems = self.cluster.complete(values);
        problems.extend(self.names.complete(values, &self.cluster));
        if let Err(InvalidLimits::MinInterval { .. }) = limits.check() {
            let error = limits.check().map_err(|error| error.to_string());
            problems.extend(error.err().map(|error| Problem::new("min-interval", error)));
        }
        match (values.is_given("cert"), values.is_given("key")) {
            (true, false) => problems.push(Problem::new(
                "cert",
                "--cert needs --key: name the private key of the certificate",
            )),
            (false, true) => problems.push(Problem::new(
                "key",
                "--key needs --cert: name the certificate chain of the key",
            )),
            _ => {}
        }
        let mut links = BTreeMap::new();
        for JoinLink { game, link } in &self.live.join_link {
            if links.insert(game, link).is_some() {
                problems.push(Problem::new(
                    "join-link",
                    format!("--join-link {game}=... is given twice: choose one link for each game"),
                ));
            }
        }
        if self.live.announce && self.http == Http::Off {
            problems.push(Problem::new(
                "announce",
                "--announce on needs HTTP: remove --http off, or choose an address with --http",
            ));
        }
        let limits = &self.live.limits;
        let needed = announce::per_second(limits.max_listed_per_prefix);
        if self.live.announce && (limits.announces_per_prefix as usize) < needed {
            problems.push(Problem::new(
                "announces-per-prefix",
                format!(
                    "the {} servers of one address that may be listed send {needed} announcements \
                     per second if each has the shortest TTL: raise --announces-per-prefix to \
                     {needed}, or lower --max-listed-per-prefix",
                    limits.max_listed_per_prefix
                ),
            ));
        }
        if self.state_dir.as_os_str().is_empty() {
            problems.push(Problem::new(
                "state-dir",
                "no home directory is known to keep state in: choose a directory with --state-dir",
            ));
        }
        problems
    }
}

impl Settings {
    /// The default settings, with state kept in `state_dir`.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            ..settings::Settings::defaults()
        }
    }

    /// The files of the certificate chain and its key; `None` for the daemon's own certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<(&Path, &Path)> {
        Some((self.cert.as_deref()?, self.key.as_deref()?))
    }
}

impl Live {
    /// The join links by game: see [`JoinLink`].
    #[must_use]
    pub fn join_links(&self) -> BTreeMap<Game, String> {
        let links = self.join_link.iter().cloned();
        links.map(|JoinLink { game, link }| (game, link)).collect()
    }

    /// The prefixes whose addresses each count on their own.
    #[must_use]
    pub fn trusted(&self) -> Trusted {
        Trust::all(&self.trusted_prefix)
    }
}

fn default_state_dir() -> Option<PathBuf> {
    let directory = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    directory("STATE_DIRECTORY").or_else(|| {
        let state = directory("XDG_STATE_HOME")
            .or_else(|| Some(directory("HOME")?.join(".local/state")))
            .or_else(|| directory("LOCALAPPDATA"))?;
        Some(state.join("metaserve-daemon"))
    })
}

//! All settings of a daemon, checked.

use super::Http;
use metaserve::{Fingerprint, Game, Limits, bounds::Trusted, program::log::LogFormat};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

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
    /// The links by which the page lets players join, by game: see [`JoinLink`](super::JoinLink).
    pub join_links: BTreeMap<Game, String>,
    /// Prefixes of addresses that the operator knows to belong to many.
    pub trusted: Trusted,
    /// Addresses that are banned; none for no bans.
    pub ban_file: Option<PathBuf>,
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
            join_links: BTreeMap::new(),
            trusted: Trusted::default(),
            ban_file: None,
            segmentation_offload: true,
            threads: 1,
            log: "info".into(),
            log_format: LogFormat::default(),
        }
    }

    /// The settings that differ in `other` and that a running daemon cannot change.
    pub(crate) fn fixed_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let differ = [
            ("--listen", self.listen != other.listen),
            ("--http", self.http != other.http),
            ("--cert and --key", self.certificate != other.certificate),
            ("--state-dir", self.state_dir != other.state_dir),
            ("--tick", self.tick != other.tick),
            ("--ban-file", self.ban_file != other.ban_file),
            (
                "--segmentation-offload",
                self.segmentation_offload != other.segmentation_offload,
            ),
            ("--threads", self.threads != other.threads),
            ("--log-format", self.log_format != other.log_format),
        ];
        let differ = differ.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(name, _)| name).collect()
    }
}

//! The settings of a daemon that shares its list with other daemons over NATS.

use axum::http::Uri;
use clap::{ArgAction, Args, ValueEnum};
use metaserve::{
    Limits, Role,
    program::settings::{Problem, Values, switch, within},
    protocol::cluster::MAX_BODY_BYTES,
};
use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

/// The settings of a daemon in a cluster. Without servers of NATS there is no cluster, and the
/// other settings mean nothing.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
#[non_exhaustive]
pub struct Cluster {
    /// Share one list with other daemons over this NATS server, `nats://HOST:4222` or
    /// `tls://HOST:4222`. Name all servers of the NATS cluster: the daemon uses one that it can
    /// reach. The daemon also starts, and serves its own servers, while it reaches none
    #[arg(
        id = "cluster",
        long = "cluster",
        value_name = "URL",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub servers: Vec<NatsUrl>,

    /// The name of the list. Several lists may use the same NATS servers
    #[arg(
        id = "cluster-name",
        long = "cluster-name",
        value_name = "NAME",
        default_value = "metaserve"
    )]
    pub name: ClusterName,

    /// The name of this daemon in the cluster, which no other has [default: the first part of the
    /// host name]
    #[arg(id = "cluster-member", long = "cluster-member", value_name = "NAME")]
    pub member: Option<MemberName>,

    /// The key that identifies this daemon to NATS: a file with an nkey seed, or credentials
    /// (.creds). It is read again for each connection
    #[arg(id = "cluster-key", long = "cluster-key", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Trust only the certificate authorities in this file, PEM, for TLS to NATS [default: those of
    /// the operating system]
    #[arg(id = "cluster-ca", long = "cluster-ca", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The certificate chain to show to NATS servers that ask for one, PEM. It is read again for
    /// each connection
    #[arg(id = "cluster-cert", long = "cluster-cert", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The private key of --cluster-cert, PEM
    #[arg(
        id = "cluster-cert-key",
        long = "cluster-cert-key",
        value_name = "FILE"
    )]
    pub cert_key: Option<PathBuf>,

    /// A `member` takes game servers, relays and clients. An `edge` takes clients and HTTP only, and
    /// shows the servers of all members
    #[arg(
        id = "cluster-role",
        long = "cluster-role",
        value_name = "member|edge",
        default_value = "member"
    )]
    pub role: ClusterRole,

    /// The settings that may change while the daemon runs.
    #[command(flatten)]
    pub live: ClusterLive,
}

/// The settings of a cluster that may change while a daemon runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
#[non_exhaustive]
pub struct ClusterLive {
    /// Keep the servers of a member that is not heard any more for this long, so that they can come
    /// to another member without leaving the list [default: --idle-timeout and 15 s]
    #[arg(
        id = "cluster-hold",
        long = "cluster-hold",
        value_name = "DURATION",
        value_parser = within(Duration::from_secs(1)..=Duration::from_secs(3_600))
    )]
    pub hold: Option<Duration>,

    /// Keep the servers of members that are not heard for this long while it is this daemon that is
    /// cut off: when it has lost NATS, or does not hear most members
    #[arg(
        id = "cluster-keep",
        long = "cluster-keep",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = within(Duration::from_secs(1)..=Duration::from_secs(86_400))
    )]
    pub keep: Duration,

    /// Obey the bans of other members as well: do not show servers that they have banned
    #[arg(
        id = "cluster-bans",
        long = "cluster-bans",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub bans: bool,
}

/// What a daemon does in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClusterRole {
    /// Takes game servers and clients.
    #[default]
    Member,
    /// Takes clients only.
    Edge,
}

impl ClusterRole {
    /// The roles of peers of its list that such a daemon takes.
    pub(super) const fn takes(self) -> &'static [Role] {
        match self {
            Self::Member => &[Role::Heartbeat, Role::Client, Role::Relay],
            Self::Edge => &[Role::Client],
        }
    }
}

/// How long a daemon believes members that are silent, and whether it obeys their bans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How long the servers of a silent member stay.
    pub(crate) hold: Duration,
    /// The same while it is this daemon that is cut off.
    pub(crate) keep: Duration,
    /// Whether the bans of other members are obeyed.
    pub(crate) bans: bool,
    /// The longest list that is taken from one member, in bytes.
    pub(crate) list_bytes: usize,
}

impl Cluster {
    /// Whether the daemon is to be in a cluster.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The URLs that would carry the list over a network without TLS. Only those with the address
    /// of another machine are known to do so.
    pub(crate) fn unprotected(&self) -> impl Iterator<Item = &NatsUrl> {
        self.servers.iter().filter(|url| url.is_unprotected())
    }

    /// How long the servers of a member stay that is not heard.
    pub(crate) fn hold(&self, idle_timeout: Duration) -> Duration {
        self.live.hold.unwrap_or(idle_timeout + RETURN)
    }

    /// The settings that may change while the daemon runs.
    pub(crate) fn terms(&self, limits: &Limits) -> Terms {
        let servers = limits.cluster_max_servers;
        let list_bytes = servers.saturating_mul(limits.max_heartbeat_bytes);
        Terms {
            hold: self.hold(limits.idle_timeout),
            keep: self.live.keep,
            bans: self.live.bans,
            list_bytes: list_bytes.clamp(LEAST_LIST_BYTES, MAX_BODY_BYTES),
        }
    }

    /// Fills in the name of the member, and reports settings that contradict each other.
    pub(super) fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |setting, what: String| problems.push(Problem::new(setting, what));
        if !self.is_on() {
            let edge = (self.role == ClusterRole::Edge).then_some("cluster-role");
            for setting in NEEDS_SERVERS.into_iter().chain(edge) {
                if values.is_given(setting) {
                    problem(
                        setting,
                        format!("--{setting} needs --cluster: name the NATS servers"),
                    );
                }
            }
            return problems;
        }
        if !cfg!(feature = "cluster") {
            problem(
                "cluster",
                "this daemon was built without clusters: build it with the feature `cluster`"
                    .into(),
            );
        }
        match (&self.cert, &self.cert_key) {
            (Some(_), None) => problem(
                "cluster-cert",
                "--cluster-cert needs --cluster-cert-key: name the private key".into(),
            ),
            (None, Some(_)) => problem(
                "cluster-cert-key",
                "--cluster-cert-key needs --cluster-cert: name the certificate chain".into(),
            ),
            _ => {}
        }
        if self.member.is_none() {
            match MemberName::of_host() {
                Ok(name) => self.member = Some(name),
                Err(why) => problem(
                    "cluster",
                    format!("{why}: name this daemon with --cluster-member"),
                ),
            }
        }
        problems
    }
}

/// What to tell the operator about a URL that asks for no protection.
pub(crate) fn unprotected(url: &NatsUrl) -> String {
    format!(
        "note: {url} leads to another machine without TLS: everybody on the way can read and change the \
         list, so use tls://, unless the network is protected otherwise"
    )
}

/// A list of so many bytes is read in any case: of its servers, those are left out for which there
/// is no room.
const LEAST_LIST_BYTES: usize = 16 * 1024 * 1024;

/// How long servers may need, after the idle timeout, to come to another member: two dead addresses
/// that are tried first, and the backoff.
const RETURN: Duration = Duration::from_secs(15);

/// Settings that are a mistake without `--cluster`: with them the operator expects a cluster.
const NEEDS_SERVERS: [&str; 5] = [
    "cluster-member",
    "cluster-key",
    "cluster-ca",
    "cluster-cert",
    "cluster-cert-key",
];

/// The URL of a NATS server: `nats://HOST:PORT` or `tls://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsUrl {
    text: String,
    host: String,
    is_tls: bool,
}

impl NatsUrl {
    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the connection must use TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Whether it leads to another machine without asking for TLS. A host's name is not looked up.
    fn is_unprotected(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        let address = host.parse::<IpAddr>();
        !self.is_tls && address.is_ok_and(|address| !address.to_canonical().is_loopback())
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for NatsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write a URL like nats://192.0.2.1:4222 or tls://nats.example.org:4222";
        let url: Uri = text
            .parse()
            .map_err(|error| format!("{text:?} is not a URL ({error}): {example}"))?;
        let is_tls = match url.scheme_str() {
            Some("nats") => false,
            Some("tls") => true,
            _ => return Err(format!("{text:?} has another scheme: {example}")),
        };
        let authority = url.authority().map_or("", |it| it.as_str());
        if authority.contains('@') {
            // Not shown: it may hold a password.
            return Err(
                "a URL must not hold a password, which other users of this machine could see: use \
                 --cluster-key"
                    .into(),
            );
        }
        let host = url.host().unwrap_or_default().to_owned();
        let port = url.port_u16();
        if host.is_empty() || !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(format!("{text:?} is not the URL of a server: {example}"));
        }
        if authority != host && port.is_none() {
            return Err(format!("{text:?} has no valid port: {example}"));
        }
        let scheme = if is_tls { "tls" } else { "nats" };
        Ok(Self {
            text: format!("{scheme}://{host}:{}", port.unwrap_or(4222)),
            host,
            is_tls,
        })
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $example:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let allowed: fn(u8) -> bool = $allowed;
                match (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(format!("{text:?} is not a name: write 1 to 32 of {}", $example)),
                }
            }
        }
    };
}

names! {
    /// The name of a list, of at most 32 bytes: a part of each NATS subject.
    ClusterName, "a-z, 0-9 and -",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'
}

names! {
    /// The name of a daemon in a cluster, of at most 32 bytes: a part of its NATS subjects.
    MemberName, "A-Z, a-z, 0-9 and -",
    |c| c.is_ascii_alphanumeric() || c == b'-'
}

impl MemberName {
    /// The first part of the host name.
    fn of_host() -> Result<Self, String> {
        let host = gethostname::gethostname();
        let host = host.to_string_lossy();
        let first = host.split('.').next().unwrap_or_default();
        first
            .parse()
            .map_err(|_| format!("the host name {host:?} cannot be the name of a member"))
    }
}

#[cfg(test)]
mod tests;

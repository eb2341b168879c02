//! What can be set, on the command line, in the environment and in a file alike.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use metaserve::{Fingerprint, program::log::LogFormat};
use serde::{Deserialize, Deserializer, de};

use crate::{
    aleph_one::{Hidden, SecondLogin},
    myth_options::MythRoom,
};

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
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "METASERVE_BRIDGE_STATE_DIR"
    )]
    pub state_dir: Option<PathBuf>,

    /// A file with addresses and prefixes that are banned, read again when it changes
    ///
    /// It has to exist, and may be empty. `metaserve-lobby-bridge ban` and `unban` edit it, and so
    /// do Aleph One's moderators with `.ban`, if the service may write to its directory.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "METASERVE_BRIDGE_BAN_FILE"
    )]
    pub ban_file: Option<PathBuf>,

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

    /// The most VCMI lobby clients from one address, an IPv6 /64 being one [default: all]
    ///
    /// In a full lobby the newest client of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_VCMI_PER_ADDRESS")]
    pub vcmi_per_address: Option<usize>,

    /// The most VCMI connections that have not said yet what they want [default: 512]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_VCMI_HALF_OPEN")]
    pub vcmi_half_open: Option<usize>,

    /// The most connections of VCMI games [default: 1024]
    ///
    /// A game of eight players needs 14. Shared by address in the same way.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_VCMI_PIPES")]
    pub vcmi_pipes: Option<usize>,

    /// How often VCMI clients are asked whether they are still there [default: 30s]
    ///
    /// At least 10s. A client that leaves one question unanswered for that long is
    /// disconnected. A bare number is seconds.
    #[arg(long, value_name = "TIME", env = "METASERVE_BRIDGE_VCMI_HEALTHCHECK")]
    pub vcmi_healthcheck: Option<Seconds>,

    /// Whether VCMI users may ask for statistics with `<ROOT>` [default: true]
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_VCMI_STATISTICS")]
    pub vcmi_statistics: Option<bool>,

    /// Run an Aleph One (Myth) metaserver: where its login daemon listens
    ///
    /// Players always come to port 6321 of the name that their game has built in:
    /// `--myth [::]:6321`.
    #[arg(long, value_name = "ADDR:PORT", env = "METASERVE_BRIDGE_MYTH")]
    pub myth: Option<SocketAddr>,

    /// A room, once for each [default: Arrival=ADDR of --myth, port 6335]
    ///
    /// Each room needs a port of its own. Aleph One's players all come to the room named
    /// `Arrival` if there is one, else to the first. In a file, a room may be a table with
    /// `name`, `address`, `kind` (normal, ranked, tournament), `players`, `guests`, `welcome`
    /// and `guest-welcome`.
    #[arg(
        long,
        value_name = "NAME=ADDR:PORT",
        env = "METASERVE_BRIDGE_MYTH_ROOM"
    )]
    pub myth_room: Vec<MythRoom>,

    /// The IPv4 address at which players reach the rooms
    ///
    /// Needed when the bridge stands behind a router or load balancer, or when players come in
    /// by IPv6; otherwise the address at which a player reached the login daemon is right.
    #[arg(
        long,
        value_name = "IPV4",
        env = "METASERVE_BRIDGE_MYTH_PUBLIC_ADDRESS"
    )]
    pub myth_public_address: Option<Ipv4Addr>,

    /// Also serve logins over HTTPS here, so that passwords do not travel in clear
    ///
    /// Players' games post to port 443 of the name that they have built in.
    #[arg(long, value_name = "ADDR:PORT", env = "METASERVE_BRIDGE_MYTH_HTTPS")]
    pub myth_https: Option<SocketAddr>,

    /// A host name that players' games have built in, besides metaserver.lhowon.org, once for each
    ///
    /// For games that were built for another one. The self-signed certificate of --myth-https is
    /// for these names: Aleph One checks the name even when its players have switched the
    /// verification of certificates off.
    #[arg(
        long,
        value_name = "NAME",
        env = "METASERVE_BRIDGE_MYTH_HOST",
        value_delimiter = ','
    )]
    pub myth_host: Vec<String>,

    /// The certificate chain for --myth-https, PEM or DER [default: a self-signed one]
    #[arg(
        long,
        value_name = "FILE",
        env = "METASERVE_BRIDGE_MYTH_CERT",
        requires = "myth_key"
    )]
    pub myth_cert: Option<PathBuf>,

    /// The private key of --myth-cert, PEM or DER
    #[arg(
        long,
        value_name = "FILE",
        env = "METASERVE_BRIDGE_MYTH_KEY",
        requires = "myth_cert"
    )]
    pub myth_key: Option<PathBuf>,

    /// Whether anybody may make an account from within the game, over --myth-https [default: false]
    ///
    /// At most 5 from one address at once, and then one in ten minutes. The game asks for an
    /// e-mail address, which is not kept.
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_MYTH_SIGNUP")]
    pub myth_signup: Option<bool>,

    /// A line that everybody reads on entering any room, once for each
    #[arg(long, value_name = "TEXT")]
    pub myth_welcome: Vec<String>,

    /// A line that guests read before those, once for each
    #[arg(long, value_name = "TEXT")]
    pub myth_guest_welcome: Vec<String>,

    /// What becomes of a second login to an account: refuse or displace [default: refuse]
    ///
    /// `refuse` keeps whoever was there first, `displace` disconnects him.
    #[arg(
        long,
        value_name = "refuse|displace",
        env = "METASERVE_BRIDGE_MYTH_SECOND_LOGIN"
    )]
    pub myth_second_login: Option<SecondLogin>,

    /// Tell players in rooms every few seconds how full the rooms are [default: false]
    ///
    /// Aleph One does not show it; other games of the protocol do.
    #[arg(
        long,
        value_name = "BOOL",
        env = "METASERVE_BRIDGE_MYTH_ANNOUNCE_COUNTS"
    )]
    pub myth_announce_counts: Option<bool>,

    /// Servers of the registry that rooms do not show, once for each: all, a fingerprint, an address
    ///
    /// `all` shows none of them. Otherwise the SHA-256 fingerprint of a server's certificate, an
    /// address, a prefix such as 192.0.2.0/24, or IP:PORT. They stay in the daemon's list.
    #[arg(
        long,
        value_name = "all|FINGERPRINT|ADDRESS",
        env = "METASERVE_BRIDGE_MYTH_HIDE_NATIVE",
        value_delimiter = ','
    )]
    pub myth_hide_native: Vec<Hidden>,

    /// Tell players who enter while there is no hub what to change to gather games [default: true]
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_MYTH_HUB_HINT")]
    pub myth_hub_hint: Option<bool>,

    /// Let only this game in, such as MARATHON [default: any]
    #[arg(long, value_name = "NAME", env = "METASERVE_BRIDGE_MYTH_SERVICE")]
    pub myth_service: Option<String>,

    /// The most players in each room [default: 1000]
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_MYTH_PLAYERS")]
    pub myth_players: Option<usize>,

    /// The most connections to the login daemon of Aleph One [default: 2000]
    ///
    /// When all are taken, the newest one of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_MYTH_LOGINS")]
    pub myth_logins: Option<usize>,

    /// The most connections to rooms, all together [default: 6000, or players and 2000]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_MYTH_CONNECTIONS")]
    pub myth_connections: Option<usize>,

    /// The most connections to --myth-https [default: 256]
    ///
    /// Shared by address in the same way.
    #[arg(
        long,
        value_name = "N",
        env = "METASERVE_BRIDGE_MYTH_HTTPS_CONNECTIONS"
    )]
    pub myth_https_connections: Option<usize>,

    /// The most players from one address, an IPv6 /64 being one [default: 128]
    ///
    /// One more is told so when logging in.
    #[arg(long, value_name = "N", env = "METASERVE_BRIDGE_MYTH_PER_ADDRESS")]
    pub myth_per_address: Option<usize>,

    /// How long a player may be silent before he is asked for a sign of life [default: 10s]
    ///
    /// At least 1s. If he stays silent for that long once more, he is disconnected.
    #[arg(long, value_name = "TIME", env = "METASERVE_BRIDGE_MYTH_KEEP_ALIVE")]
    pub myth_keep_alive: Option<Seconds>,

    /// How long whoever a moderator has kicked stays out [default: 60s]
    #[arg(long, value_name = "TIME", env = "METASERVE_BRIDGE_MYTH_KICK_TIME")]
    pub myth_kick_time: Option<Seconds>,

    /// Write public chat to the database [default: true]
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_MYTH_LOG_CHAT")]
    pub myth_log_chat: Option<bool>,

    /// Write private messages to the database [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        env = "METASERVE_BRIDGE_MYTH_LOG_PRIVATE_MESSAGES"
    )]
    pub myth_log_private_messages: Option<bool>,

    /// Write who comes, goes and plays to the database [default: true]
    #[arg(long, value_name = "BOOL", env = "METASERVE_BRIDGE_MYTH_LOG_EVENTS")]
    pub myth_log_events: Option<bool>,

    /// Write what players' programs say of themselves to the database [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        env = "METASERVE_BRIDGE_MYTH_LOG_LOGIN_DETAILS"
    )]
    pub myth_log_login_details: Option<bool>,

    /// The database of accounts, hubs and logs [default: an SQLite file in the state directory]
    ///
    /// `sqlite:PATH`, `mariadb://USER:PASSWORD@HOST/NAME` or `mysql://...`. The tables are those
    /// of the Aleph One metaserver, so its database can be used as it is.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "METASERVE_BRIDGE_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<String>,

    /// What is logged: error, warn, info, debug, trace, off, or a filter [default: info]
    ///
    /// A filter chooses by part: `info,metaserve_lobby_bridge::vcmi=debug`. What it does not name
    /// stays at `info`.
    #[arg(long, value_name = "FILTER", env = "METASERVE_BRIDGE_LOG")]
    pub log: Option<String>,

    /// Log lines for people or for programs [default: auto]
    ///
    /// `auto` is for the journal where systemd has set that up, else `text`.
    #[arg(
        long,
        value_name = "auto|text|json",
        env = "METASERVE_BRIDGE_LOG_FORMAT"
    )]
    pub log_format: Option<LogFormat>,
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

/// Where the state is kept unless told otherwise.
pub(crate) const STATE_DIR: &str = "bridge-state";

impl Options {
    /// Where the state is kept.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| STATE_DIR.into())
    }

    /// These options, and for what they leave open the `other` ones.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        // A certificate and its key belong together: never one from here and one from there.
        let (myth_cert, myth_key) = match (self.myth_cert, self.myth_key) {
            (None, None) => (other.myth_cert, other.myth_key),
            ours => ours,
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
            ban_file: self.ban_file.or(other.ban_file),
            public_address: either(self.public_address, other.public_address),
            vcmi: self.vcmi.or(other.vcmi),
            vcmi_capacity: self.vcmi_capacity.or(other.vcmi_capacity),
            vcmi_per_address: self.vcmi_per_address.or(other.vcmi_per_address),
            vcmi_half_open: self.vcmi_half_open.or(other.vcmi_half_open),
            vcmi_pipes: self.vcmi_pipes.or(other.vcmi_pipes),
            vcmi_healthcheck: self.vcmi_healthcheck.or(other.vcmi_healthcheck),
            vcmi_statistics: self.vcmi_statistics.or(other.vcmi_statistics),
            myth: self.myth.or(other.myth),
            myth_room: either(self.myth_room, other.myth_room),
            myth_public_address: self.myth_public_address.or(other.myth_public_address),
            myth_https: self.myth_https.or(other.myth_https),
            myth_host: either(self.myth_host, other.myth_host),
            myth_cert,
            myth_key,
            myth_signup: self.myth_signup.or(other.myth_signup),
            myth_welcome: either(self.myth_welcome, other.myth_welcome),
            myth_guest_welcome: either(self.myth_guest_welcome, other.myth_guest_welcome),
            myth_second_login: self.myth_second_login.or(other.myth_second_login),
            myth_announce_counts: self.myth_announce_counts.or(other.myth_announce_counts),
            myth_hide_native: either(self.myth_hide_native, other.myth_hide_native),
            myth_hub_hint: self.myth_hub_hint.or(other.myth_hub_hint),
            myth_service: self.myth_service.or(other.myth_service),
            myth_players: self.myth_players.or(other.myth_players),
            myth_logins: self.myth_logins.or(other.myth_logins),
            myth_connections: self.myth_connections.or(other.myth_connections),
            myth_https_connections: self.myth_https_connections.or(other.myth_https_connections),
            myth_per_address: self.myth_per_address.or(other.myth_per_address),
            myth_keep_alive: self.myth_keep_alive.or(other.myth_keep_alive),
            myth_kick_time: self.myth_kick_time.or(other.myth_kick_time),
            myth_log_chat: self.myth_log_chat.or(other.myth_log_chat),
            myth_log_private_messages: self
                .myth_log_private_messages
                .or(other.myth_log_private_messages),
            myth_log_events: self.myth_log_events.or(other.myth_log_events),
            myth_log_login_details: self.myth_log_login_details.or(other.myth_log_login_details),
            database: self.database.or(other.database),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
        }
    }
}

/// `ours`, or without any the `others`.
fn either<T>(ours: Vec<T>, others: Vec<T>) -> Vec<T> {
    if ours.is_empty() { others } else { ours }
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

//! What can be set, on the command line, in the environment and in a file alike.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use metaserve::{
    Fingerprint,
    program::{
        log::{self, LogFormat},
        settings::{Problem, Settings, Values, switch, within},
    },
};

use crate::{
    aleph_one::{Hidden, SecondLogin},
    myth_options::MythRoom,
};

/// Everything that can be set, wherever it is set. What is `None` or empty is left open.
#[derive(Args, Clone, Debug)]
pub struct Options {
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

    /// Run a VCMI lobby at this address; the old one was at `[::]:5002`
    #[arg(long, value_name = "ADDR:PORT")]
    pub vcmi: Option<SocketAddr>,

    /// The most VCMI lobby clients at one time [default: 50]
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_capacity: Option<usize>,

    /// The most VCMI lobby clients from one address, an IPv6 /64 being one [default: all]
    ///
    /// In a full lobby the newest client of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_per_address: Option<usize>,

    /// The most VCMI connections that have not said yet what they want [default: 512]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_half_open: Option<usize>,

    /// The most connections of VCMI games [default: 1024]
    ///
    /// A game of eight players needs 14. Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_pipes: Option<usize>,

    /// How often VCMI clients are asked whether they are still there [default: 30s]
    ///
    /// At least 10s. A client that leaves one question unanswered for that long is
    /// disconnected. A bare number is seconds.
    #[arg(long, value_name = "TIME", value_parser = within(Duration::from_secs(10)..=Duration::from_secs(3_600)))]
    pub vcmi_healthcheck: Option<Duration>,

    /// Whether VCMI users may ask for statistics with `<ROOT>` [default: true]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub vcmi_statistics: Option<bool>,

    /// Run an Aleph One (Myth) metaserver: where its login daemon listens
    ///
    /// Players always come to port 6321 of the name that their game has built in:
    /// `--myth [::]:6321`.
    #[arg(long, value_name = "ADDR:PORT")]
    pub myth: Option<SocketAddr>,

    /// A room, once for each [default: Arrival=ADDR of --myth, port 6335]
    ///
    /// Each room needs a port of its own. Aleph One's players all come to the room named
    /// `Arrival` if there is one, else to the first. In a file, a room may be a table with
    /// `name`, `address`, `kind` (normal, ranked, tournament), `players`, `guests`, `welcome`
    /// and `guest-welcome`.
    #[arg(long, value_name = "NAME=ADDR:PORT")]
    pub myth_room: Vec<MythRoom>,

    /// The IPv4 address at which players reach the rooms
    ///
    /// Needed when the bridge stands behind a router or load balancer, or when players come in
    /// by IPv6; otherwise the address at which a player reached the login daemon is right.
    #[arg(long, value_name = "IPV4")]
    pub myth_public_address: Option<Ipv4Addr>,

    /// Also serve logins over HTTPS here, so that passwords do not travel in clear
    ///
    /// Players' games post to port 443 of the name that they have built in.
    #[arg(long, value_name = "ADDR:PORT")]
    pub myth_https: Option<SocketAddr>,

    /// A host name that players' games have built in, besides metaserver.lhowon.org, once for each
    ///
    /// For games that were built for another one. The self-signed certificate of --myth-https is
    /// for these names: Aleph One checks the name even when its players have switched the
    /// verification of certificates off.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub myth_host: Vec<String>,

    /// The certificate chain for --myth-https, PEM or DER [default: a self-signed one]
    #[arg(long, value_name = "FILE")]
    pub myth_cert: Option<PathBuf>,

    /// The private key of --myth-cert, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub myth_key: Option<PathBuf>,

    /// Whether anybody may make an account from within the game, over --myth-https [default: false]
    ///
    /// At most 5 from one address at once, and then one in ten minutes. The game asks for an
    /// e-mail address, which is not kept.
    #[arg(long, value_name = "on|off", value_parser = switch)]
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
    #[arg(long, value_name = "refuse|displace")]
    pub myth_second_login: Option<SecondLogin>,

    /// Tell players in rooms every few seconds how full the rooms are [default: false]
    ///
    /// Aleph One does not show it; other games of the protocol do.
    #[arg(
        long,
        value_name = "on|off", value_parser = switch
    )]
    pub myth_announce_counts: Option<bool>,

    /// Servers of the registry that rooms do not show, once for each: all, a fingerprint, an address
    ///
    /// `all` shows none of them. Otherwise the SHA-256 fingerprint of a server's certificate, an
    /// address, a prefix such as 192.0.2.0/24, or IP:PORT. They stay in the daemon's list.
    #[arg(long, value_name = "all|FINGERPRINT|ADDRESS", value_delimiter = ',')]
    pub myth_hide_native: Vec<Hidden>,

    /// Tell players who enter while there is no hub what to change to gather games [default: true]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub myth_hub_hint: Option<bool>,

    /// Let only this game in, such as MARATHON [default: any]
    #[arg(long, value_name = "NAME")]
    pub myth_service: Option<String>,

    /// The most players in each room [default: 1000]
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_players: Option<usize>,

    /// The most connections to the login daemon of Aleph One [default: 2000]
    ///
    /// When all are taken, the newest one of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_logins: Option<usize>,

    /// The most connections to rooms, all together [default: 6000, or players and 2000]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_connections: Option<usize>,

    /// The most connections to --myth-https [default: 256]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_https_connections: Option<usize>,

    /// The most players from one address, an IPv6 /64 being one [default: 128]
    ///
    /// One more is told so when logging in.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_per_address: Option<usize>,

    /// How long a player may be silent before he is asked for a sign of life [default: 10s]
    ///
    /// At least 1s. If he stays silent for that long once more, he is disconnected.
    #[arg(long, value_name = "TIME", value_parser = within(Duration::from_secs(1)..=Duration::from_secs(3_600)))]
    pub myth_keep_alive: Option<Duration>,

    /// How long whoever a moderator has kicked stays out [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = within(Duration::ZERO..=Duration::from_secs(365 * 86_400)))]
    pub myth_kick_time: Option<Duration>,

    /// Write public chat to the database [default: true]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub myth_log_chat: Option<bool>,

    /// Write private messages to the database [default: true]
    #[arg(
        long,
        value_name = "on|off", value_parser = switch
    )]
    pub myth_log_private_messages: Option<bool>,

    /// Write who comes, goes and plays to the database [default: true]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub myth_log_events: Option<bool>,

    /// Write what players' programs say of themselves to the database [default: true]
    #[arg(
        long,
        value_name = "on|off", value_parser = switch
    )]
    pub myth_log_login_details: Option<bool>,

    /// The database of accounts, hubs and logs [default: an SQLite file in the state directory]
    ///
    /// `sqlite:PATH`, `mariadb://USER:PASSWORD@HOST/NAME` or `mysql://...`. The tables are those
    /// of the Aleph One metaserver, so its database can be used as it is.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,

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
pub(crate) const STATE_DIR: &str = "bridge-state";

impl Options {
    /// Where the state is kept.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| STATE_DIR.into())
    }
}

/// Options that may change while the bridge runs.
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

impl Settings for Options {
    type Live = Live;

    const VARIABLES: &str = "METASERVE_BRIDGE_";
    const TOGETHER: &[&[&str]] = &[&["myth-cert", "myth-key"], &["fingerprint", "ca"]];

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
            !given("vcmi") && !given("myth"),
            "vcmi",
            "no lobby to run: give an address for one, such as `--vcmi [::]:5002` or \
             `--myth [::]:6321`",
        );
        problem(
            given("fingerprint") && given("ca"),
            "ca",
            "--fingerprint and --ca are two ways to know the daemon: give one of them",
        );
        problem(
            given("myth-cert") != given("myth-key"),
            if given("myth-cert") {
                "myth-cert"
            } else {
                "myth-key"
            },
            "--myth-cert and --myth-key belong together: give both",
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

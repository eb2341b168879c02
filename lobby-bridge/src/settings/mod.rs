//! The settings of a bridge. Each is declared once: see [`metaserve::program::settings`]. A
//! protocol's settings are declared in its own module.

mod bridge;

pub use self::bridge::{AuthoritiesError, Bridge};

use std::{net::IpAddr, path::PathBuf, str::FromStr, sync::Arc};

use clap::Args;
use metaserve::{
    Fingerprint, PublishAt,
    program::{
        Http,
        log::{self, LogFormat},
        settings::{Problem, Settings, Values},
    },
};

use crate::{
    accounts::AccountSettings, aleph_one::AlephOneSettings, ddnet::DdnetSettings,
    luanti::LuantiSettings, protocol::Protocol, quake::QuakeSettings, teeworlds::TeeworldsSettings,
    vcmi::VcmiSettings, web::WebSettings,
};

/// All settings of the bridge. `None` or an empty list means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct BridgeSettings {
    /// The daemon to publish games to, or several, or `none`
    ///
    /// With `none`, the lobbies run without being published. `--publish-at` says what several
    /// daemons are for.
    #[arg(
        long,
        value_name = "HOST:PORT|none",
        default_value = "none",
        value_delimiter = ','
    )]
    pub daemon: Vec<Daemon>,

    /// At which of several daemons games are published: at `one` of them, or at `every` one
    ///
    /// `one` is for daemons that show the same list, such as the members of a cluster: when one is
    /// lost, the bridge moves to another one. `every` is for daemons with lists of their own. The
    /// servers that a lobby shows to its players are those of one of the daemons.
    #[arg(long, value_name = "one|every", default_value = "one")]
    pub publish_at: PublishAt,

    /// The SHA-256 fingerprint of the daemon's certificate, 64 hexadecimal digits
    ///
    /// The daemon prints it when it starts. For several daemons, give the fingerprint of each, in
    /// any order. Without it, and without `--ca`, the daemon's certificate must be one that this
    /// system trusts.
    #[arg(long, value_name = "HEX", value_delimiter = ',')]
    pub fingerprint: Vec<Fingerprint>,

    /// A file with certificate authorities for the daemon, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The directory of the bridge's own identity
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "bridge-state"
    )]
    pub state_dir: PathBuf,

    /// A file with banned addresses and prefixes, which is read again when it changes
    ///
    /// It must exist, and may be empty. `metaserve-lobby-bridge ban` and `unban` edit it, and so
    /// do Aleph One's moderators with `.ban`, if the service may write to its directory.
    #[arg(long, global = true, value_name = "FILE")]
    pub ban_file: Option<PathBuf>,

    /// An address at which players reach this machine; one per address family
    ///
    /// It is listed as the address of all games that are played through the bridge. Needed when the
    /// bridge stands behind a router or load balancer. Otherwise the address is listed to which
    /// the host of a game connected.
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

    /// The masters of Quake III and its relatives.
    #[command(flatten)]
    pub quake: QuakeSettings,

    /// The list of `DDNet`.
    #[command(flatten)]
    pub ddnet: DdnetSettings,

    /// The list of Luanti.
    #[command(flatten)]
    pub luanti: LuantiSettings,

    /// The master of Teeworlds.
    #[command(flatten)]
    pub teeworlds: TeeworldsSettings,

    /// All lists over HTTP.
    #[command(flatten)]
    pub web: WebSettings,

    /// Serve metrics for Prometheus over HTTP at this address (TCP), or `off`
    ///
    /// They are at `/metrics`; `/healthz` and `/readyz` say how the bridge is. An address that is
    /// set must be free; the default one is left out with a warning if another bridge uses it. Keep
    /// it away from strangers.
    #[arg(
        long,
        value_name = "ADDR:PORT|off",
        default_value = "127.0.0.1:8090 if free"
    )]
    pub metrics: Http,

    /// The format of log lines: for people, for programs, or for the journal
    ///
    /// `auto` is the format of the journal if systemd has set that up, otherwise `text`.
    #[arg(long, value_name = "auto|text|json", default_value = "auto")]
    pub log_format: LogFormat,

    /// The settings that may change while the bridge runs.
    #[command(flatten)]
    pub live: Live,
}

impl BridgeSettings {
    /// Returns the enabled protocols. A new protocol is one more line here.
    fn protocols(&self) -> Vec<Arc<dyn Protocol>> {
        fn enabled<P: Protocol + 'static>(settings: Option<P>) -> Option<Arc<dyn Protocol>> {
            settings.map(|it| Arc::new(it) as Arc<dyn Protocol>)
        }
        let protocols = [
            enabled(self.vcmi.lobby(&self.public_address)),
            enabled(self.aleph_one.metaserver(&self.accounts)),
            enabled(self.teeworlds.master()),
            enabled(self.ddnet.list()),
            enabled(self.luanti.list()),
        ];
        let masters = self.quake.masters().map(|it| enabled(Some(it)));
        protocols.into_iter().chain(masters).flatten().collect()
    }
}

/// The settings that enable a lobby or a list each.
const LOBBIES: [&str; 9] = [
    "vcmi",
    "aleph-one",
    "quake3",
    "quakeworld",
    "quake2",
    "goldsrc",
    "teeworlds",
    "ddnet-http",
    "luanti-http",
];

/// A daemon to publish to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Daemon {
    /// None: nothing is published.
    #[default]
    None,
    /// The daemon at this `HOST:PORT`.
    At(String),
}

/// Settings that may change while the bridge runs.
#[derive(Args, Clone, Debug)]
pub struct Live {
    /// What is logged: error, warn, info, debug, trace, off, or a filter
    ///
    /// A filter sets levels by part: `info,metaserve_lobby_bridge::vcmi=debug`. Parts that it does
    /// not name are at `info`.
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,
}

/// Parses a log filter. A module's former name still selects its lines.
fn log_filter(text: &str) -> Result<String, log::InvalidFilter> {
    log::filter(&text.replace("bridge::myth", "bridge::aleph_one"))
}

impl Settings for BridgeSettings {
    type Live = Live;

    const VARIABLES: &str = "METASERVE_BRIDGE_";
    const TOGETHER: &[&[&str]] = &[
        &["aleph-one-cert", "aleph-one-key"],
        &["http-cert", "http-key"],
        &["fingerprint", "ca"],
    ];

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
            self.daemon.len() > 1 && self.daemon.contains(&Daemon::None),
            "daemon",
            "`none` among daemons: give `none` alone, or leave it out",
        );
        problem(
            !LOBBIES.iter().any(|lobby| given(lobby)),
            "vcmi",
            "no lobby is enabled: give an address for one, such as `--vcmi [::]:5002`, \
            `--aleph-one [::]:6321`, `--quake3 [::]:27950` or `--ddnet-http [::]:8310`",
        );
        problem(
            given("fingerprint") && given("ca"),
            "ca",
            "--fingerprint and --ca are two ways to verify the daemon: give only one of them",
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
        problem(
            given("http-cert") != given("http-key"),
            if given("http-cert") {
                "http-cert"
            } else {
                "http-key"
            },
            "--http-cert and --http-key belong together: give both",
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

//! The settings of the masters.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use metaserve::program::settings::within;

use super::{
    Dialect, Limits, Rules, Settings,
    games::{Games, Row},
};
use crate::peers::{Addresses, Allowance, Mapping, Reach};

/// The settings of the masters of Quake III and its relatives. `None` or an empty list means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct QuakeSettings {
    /// Run a master server for games of Quake III and DarkPlaces at this UDP address
    ///
    /// The usual one is `[::]:27950`, all addresses of both families. Servers and clients are
    /// pointed at it with `sv_master1`; docs/guide/quake3.md has the lines for each game.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub quake3: Vec<SocketAddr>,

    /// Run a master server for QuakeWorld at this UDP address
    ///
    /// The usual one is `0.0.0.0:27000`: its lists have IPv4 addresses only. Servers are pointed
    /// at it with `setmaster`, clients by a file of masters. `--quake3-addresses`, `--quake3-map`
    /// and the limits of the Quake III master count for this one too, each for itself.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub quakeworld: Vec<SocketAddr>,

    /// Run a master server for Quake II, Alien Arena and Quetoo at this UDP address
    ///
    /// The usual one is `0.0.0.0:27900`: its lists have IPv4 addresses only. Servers are pointed at
    /// it with `setmaster`. The addresses and limits of the Quake III master count for this one
    /// too, each for itself.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub quake2: Vec<SocketAddr>,

    /// List only these games with Quake II's protocol: `quake2`, `alienarena`, `quetoo` [default:
    /// all]
    ///
    /// Clients do not say which game they are, and get the servers of all.
    #[arg(long, value_name = "GAME", value_delimiter = ',')]
    pub quake2_accept: Vec<String>,

    /// Run a master server for GoldSrc and Xash3D (Half-Life and its mods) at this UDP address
    ///
    /// The usual one is `0.0.0.0:27010`: its lists have IPv4 addresses only. The addresses and
    /// limits of the Quake III master count for this one too, each for itself; a page of a list
    /// counts as 1/32 of one.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub goldsrc: Vec<SocketAddr>,

    /// List only GoldSrc servers of these folders, such as `cstrike` [default: all]
    #[arg(long, value_name = "GAMEDIR", value_delimiter = ',')]
    pub goldsrc_accept: Vec<String>,

    /// A game that is not built in, or differs; repeat it for each one
    ///
    /// Words after the game's tag in the list: `name=NAME` (its name on the wire), `protocol=N,N`,
    /// `heartbeat=TAG` (if its servers do not send `DarkPlaces`), `mod=NAME` (the key `game`),
    /// `asked-by=N,N` (protocols by which clients ask without a name), `all` (empty and full
    /// servers are in every list). In a file, a game may be a table with `game`, `name`,
    /// `protocols`, `heartbeat`, `mod`, `asked-by` and `all`.
    #[arg(long, value_name = "GAME WORDS")]
    pub quake3_game: Vec<Row>,

    /// List only games of these names on the wire, such as `Quake3Arena` [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub quake3_accept: Vec<String>,

    /// List no games of these names on the wire
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub quake3_reject: Vec<String>,

    /// Which servers are listed: at `public` addresses, also at `private` ones, or `any`
    ///
    /// `any` includes this machine's loopback addresses, which only its own players can use.
    #[arg(long, value_name = "public|private|any", default_value = "private")]
    pub quake3_addresses: Reach,

    /// Show servers at an IPv4 address under another, for servers in this network
    ///
    /// `10.0.0.5=192.0.2.1`, or with ports: one on the left restricts to it, one on the right
    /// replaces it.
    #[arg(long, value_name = "A[:PORT]=B[:PORT]", value_delimiter = ',')]
    pub quake3_map: Vec<Mapping>,

    /// The most servers at one time, listed or about to be
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().servers,
        value_parser = within(1..=20_000_usize)
    )]
    pub quake3_servers: usize,

    /// The most servers of one address (an IPv6 /64 counts as one) [default: 64, but any number at
    /// loopback addresses]
    #[arg(long, value_name = "N", value_parser = within(1..=20_000_usize))]
    pub quake3_per_address: Option<usize>,

    /// The most lists that one address (an IPv6 /64 counts as one) gets at once [default: 8, but
    /// any number at loopback addresses]
    ///
    /// Requests beyond it get no answer. The limit keeps the master from flooding third parties
    /// whose addresses are forged.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_usize))]
    pub quake3_lists: Option<usize>,

    /// The time after which an address gets one more list. A bare number is seconds
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2s",
        value_parser = within(Duration::from_millis(100)..=Duration::from_secs(3_600))
    )]
    pub quake3_list_period: Duration,
}

impl QuakeSettings {
    /// Returns the settings of the masters that are enabled.
    pub fn masters(&self) -> impl Iterator<Item = Settings> {
        Dialect::ALL
            .into_iter()
            .filter_map(|dialect| self.master(dialect))
    }

    /// Returns the settings of the master of one dialect, if it is enabled.
    #[must_use]
    pub fn master(&self, dialect: Dialect) -> Option<Settings> {
        let own = |accepted: &[String]| dialect.speech().games(accepted);
        let (listen, games) = match dialect {
            Dialect::Quake3 => {
                let games = Games::new(self.quake3_game.clone());
                let games = games.policy(&self.quake3_accept, &self.quake3_reject);
                (&self.quake3, games)
            }
            Dialect::QuakeWorld => (&self.quakeworld, own(&[])),
            Dialect::Quake2 => (&self.quake2, own(&self.quake2_accept)),
            Dialect::GoldSrc => (&self.goldsrc, own(&self.goldsrc_accept)),
        };
        let settings = Settings {
            listen: listen.clone(),
            rules: Rules {
                dialect,
                games,
                addresses: Addresses {
                    reach: self.quake3_addresses,
                    mappings: self.quake3_map.clone(),
                },
                limits: Limits {
                    servers: self.quake3_servers,
                    servers_per_host: self.quake3_per_address,
                    lists: Allowance {
                        at_once: self.quake3_lists,
                        period: self.quake3_list_period,
                        ..Allowance::default()
                    },
                    ..Limits::default()
                },
            },
        };
        (!settings.listen.is_empty()).then_some(settings)
    }
}

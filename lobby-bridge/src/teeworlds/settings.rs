//! The settings of a Teeworlds master.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use metaserve::{Game, program::settings::within};

use super::{GAME, Limits, Rules, Settings};
use crate::peers::{Addresses, Allowance, Mapping, Reach};

/// The settings of a Teeworlds master. `None` or an empty list means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct TeeworldsSettings {
    /// Run a master server for Teeworlds 0.7 at this UDP address
    ///
    /// The usual one is `[::]:8283`, all addresses of both families: servers and clients of 0.7 use
    /// no other port. They are pointed at it in `masters.cfg`; docs/guide/teeworlds.md says how.
    /// Servers are checked from a free port beside it.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub teeworlds: Vec<SocketAddr>,

    /// The game under which servers of Teeworlds are published, and whose servers its players are
    /// shown
    ///
    /// The same as --ddnet-game has each list show the servers of the other that its players can
    /// join.
    #[arg(long, value_name = "GAME", default_value = GAME)]
    pub teeworlds_game: Game,

    /// Which servers are listed: at `public` addresses, also at `private` ones, or `any`
    ///
    /// `any` includes this machine's loopback addresses, which only its own players can use.
    #[arg(long, value_name = "public|private|any", default_value = "private")]
    pub teeworlds_addresses: Reach,

    /// Show servers at an IPv4 address under another, for servers in this network
    ///
    /// `10.0.0.5=192.0.2.1`, or with ports: one on the left restricts to it, one on the right
    /// replaces it.
    #[arg(long, value_name = "A[:PORT]=B[:PORT]", value_delimiter = ',')]
    pub teeworlds_map: Vec<Mapping>,

    /// The most servers at one time, listed or being checked for the first time
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().servers,
        value_parser = within(1..=20_000_usize)
    )]
    pub teeworlds_servers: usize,

    /// The most servers of one address (an IPv6 /64 counts as one) [default: 64, but any number at
    /// loopback addresses]
    #[arg(long, value_name = "N", value_parser = within(1..=20_000_usize))]
    pub teeworlds_per_address: Option<usize>,

    /// The most lists that one address (an IPv6 /64 counts as one) gets at once [default: 8, but
    /// any number at loopback addresses]
    ///
    /// Requests beyond it get no answer.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_usize))]
    pub teeworlds_lists: Option<usize>,

    /// The time after which an address gets one more list. A bare number is seconds
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2s",
        value_parser = within(Duration::from_millis(100)..=Duration::from_secs(3_600))
    )]
    pub teeworlds_list_period: Duration,
}

impl TeeworldsSettings {
    /// Returns the settings of the master, if it is enabled.
    #[must_use]
    pub fn master(&self) -> Option<Settings> {
        let settings = Settings {
            listen: self.teeworlds.clone(),
            game: self.teeworlds_game.clone(),
            rules: Rules {
                addresses: Addresses {
                    reach: self.teeworlds_addresses,
                    mappings: self.teeworlds_map.clone(),
                },
                limits: Limits {
                    servers: self.teeworlds_servers,
                    servers_per_host: self.teeworlds_per_address,
                    lists: Allowance {
                        at_once: self.teeworlds_lists,
                        period: self.teeworlds_list_period,
                        ..Allowance::default()
                    },
                    ..Limits::default()
                },
            },
        };
        (!settings.listen.is_empty()).then_some(settings)
    }
}

//! The settings of the list of `DDNet`.

use std::net::SocketAddr;

use clap::Args;
use metaserve::{Game, program::settings::within};

use super::{GAME, Limits, Settings};

/// The settings of the list of `DDNet`. `None` means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct DdnetSettings {
    /// Run a list of servers for `DDNet` at this address, over HTTP
    ///
    /// Servers register at `/ddnet/15/register`, clients fetch `/ddnet/15/servers.json`. Servers
    /// accept only HTTPS unless they are told otherwise: see --http-cert. Lists with the same
    /// address share it.
    #[arg(long, value_name = "ADDR:PORT")]
    pub ddnet_http: Option<SocketAddr>,

    /// The game under which servers of `DDNet` are published, and whose servers its players are shown
    #[arg(long, value_name = "GAME", default_value = GAME)]
    pub ddnet_game: Game,

    /// The most servers of `DDNet`
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().servers,
        value_parser = within(1..=100_000_usize)
    )]
    pub ddnet_servers: usize,

    /// The most addresses in the list of `DDNet` from one host (an IPv6 /64 counts as one)
    ///
    /// A server registers up to two addresses at each of its IP addresses.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().per_host,
        value_parser = within(1..=100_000_usize)
    )]
    pub ddnet_per_address: usize,
}

impl DdnetSettings {
    /// Returns the settings of the list, if it is enabled.
    #[must_use]
    pub fn list(&self) -> Option<Settings> {
        Some(Settings {
            listen: self.ddnet_http?,
            game: self.ddnet_game.clone(),
            limits: Limits {
                servers: self.ddnet_servers,
                per_host: self.ddnet_per_address,
                ..Limits::default()
            },
            ..Settings::default()
        })
    }
}

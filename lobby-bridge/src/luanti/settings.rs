//! The settings of the list of Luanti.

use std::net::SocketAddr;

use clap::Args;
use metaserve::{Game, program::settings::within};

use super::{GAME, Limits, Settings};

/// The settings of the list of Luanti. `None` means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct LuantiSettings {
    /// Run a list of servers for Luanti (Minetest) at this address, over HTTP
    ///
    /// Servers announce themselves at `/announce`, clients fetch `/list`. Lists with the same
    /// address share it.
    #[arg(long, value_name = "ADDR:PORT")]
    pub luanti_http: Option<SocketAddr>,

    /// The game under which servers of Luanti are published, and whose servers its players are shown
    #[arg(long, value_name = "GAME", default_value = GAME)]
    pub luanti_game: Game,

    /// The most servers of Luanti
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().servers,
        value_parser = within(1..=100_000_usize)
    )]
    pub luanti_servers: usize,

    /// The most servers of Luanti at one address (an IPv6 /64 counts as one)
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().per_host,
        value_parser = within(1..=100_000_usize)
    )]
    pub luanti_per_address: usize,
}

impl LuantiSettings {
    /// Returns the settings of the list, if it is enabled.
    #[must_use]
    pub fn list(&self) -> Option<Settings> {
        Some(Settings {
            listen: self.luanti_http?,
            game: self.luanti_game.clone(),
            limits: Limits {
                servers: self.luanti_servers,
                per_host: self.luanti_per_address,
                ..Limits::default()
            },
            ..Settings::default()
        })
    }
}

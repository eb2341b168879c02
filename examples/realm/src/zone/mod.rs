//! Zone hosts: each starts zones when somebody wants to go there, and owns them for as long as
//! somebody is there or something is to be done.
//!
//! A host offers to start all zones. For each [order](metaserve_client::names::Order) there is one
//! task: it claims the zone, takes it in the log, and works batches until nobody is there any more,
//! the host is drained, or a later owner has the zone. Hosts keep nothing: if one is killed, the
//! next owner of each of its zones goes on behind the last commit.

mod host;
mod loading;
mod patience;
mod quarantine;
mod running;
mod served;
mod sessions;
mod slots;
mod task;
#[cfg(test)]
mod tests;
mod web;

pub use host::Host;

use clap::Args;
use std::{net::SocketAddr, time::Duration};

/// The settings of a zone host.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Zone host")]
pub struct Settings {
    /// The name that `realm zones` shows for this host. The program sets it.
    #[arg(skip = String::from("host"))]
    pub name: String,

    /// Serve this host's zones over HTTP and WebSocket on this address (TCP). Port 0: any that is
    /// free
    #[arg(
        id = "zone-listen",
        long = "zone-listen",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:0"
    )]
    pub listen: SocketAddr,

    /// Where gateways and players reach that address. Give it if the address is not the one that
    /// others see, as behind a proxy [default: http:// and the address of --zone-listen]
    #[arg(id = "zone-url", long = "zone-url", value_name = "URL")]
    pub url: Option<String>,

    /// Own so many zones at most, three of four of them single characters' own. When all hosts are
    /// full, no further zone is started
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=4096)
    )]
    pub slots: u32,

    /// Give a zone up when for so long nobody has been there and nothing was to be done: `90s`,
    /// `5m`. It is started again when somebody goes there, or when something is due
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "300s",
        value_parser = humantime::parse_duration
    )]
    pub idle: Duration,

    /// Let objects pass through each other: nothing is pushed, and nobody stops at a barrel
    #[arg(long)]
    pub no_physics: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "host".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: None,
            slots: 64,
            idle: Duration::from_secs(300),
            no_physics: false,
        }
    }
}

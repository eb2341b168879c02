//! `hub`: manages hubs (`docs/specifications/myth-metaserver.md`, section 17).

use anyhow::bail;
use clap::Subcommand;
use metaserve::program::{print::print, table::Table};
use serde_json::json;

use super::place::Where;
use crate::aleph_one::listing::NETWORK_PROTOCOL;

/// The commands for hubs.
#[derive(Debug, Subcommand)]
pub(crate) enum Hub {
    /// Add a hub
    Add {
        /// Its name or IPv4 address
        host: String,
        /// Its port, TCP and UDP
        #[arg(value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
        /// The network protocol that it speaks; players are told of hubs that speak theirs
        #[arg(long, value_name = "TEXT", default_value = NETWORK_PROTOCOL)]
        network_version: String,
    },
    /// List all hubs
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Remove a hub; games that use it continue
    Remove {
        /// Its id in the list
        id: u16,
    },
}

impl Hub {
    pub(super) async fn run(self, place: &Where) -> anyhow::Result<()> {
        match self {
            Self::Add {
                host,
                port,
                network_version,
            } => {
                if host.is_empty()
                    || host.len() > 255
                    || !host.bytes().all(|it| it.is_ascii_graphic())
                {
                    bail!("a host is a name or an IPv4 address: {host:?} is neither");
                }
                if network_version.is_empty() || network_version.len() > 50 {
                    bail!("a network version needs 1 to 50 bytes (--network-version)");
                }
                let hubs = place.open_or_make().await?;
                hubs.add_hub(&host, port, &network_version).await?;
                hubs.close().await;
                print(format!("added {host}:{port} for {network_version}\n"))?;
                Ok(())
            }
            Self::List { json } => list(json, place).await,
            Self::Remove { id } => {
                let hubs = place.open().await?;
                hubs.remove_hub(id).await?;
                hubs.close().await;
                print(format!("removed hub {id}\n"))?;
                Ok(())
            }
        }
    }
}

async fn list(json: bool, place: &Where) -> anyhow::Result<()> {
    let hubs = place.open().await?;
    let listed = hubs.hubs().await?;
    hubs.close().await;
    if json {
        let listed = listed.iter().map(|(hub, network_version)| {
            json!({
                "id": hub.id,
                "host": hub.host,
                "port": hub.port,
                "network_version": network_version,
            })
        });
        let listed: Vec<_> = listed.collect();
        print(serde_json::to_string_pretty(&listed)? + "\n")?;
        return Ok(());
    }
    let mut table = Table::new(["HUB", "HOST", "PORT", "NETWORK VERSION"]);
    for (hub, network_version) in listed {
        table.row([
            hub.id.to_string(),
            hub.host,
            hub.port.to_string(),
            network_version,
        ]);
    }
    print(table.to_string())?;
    Ok(())
}

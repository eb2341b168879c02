//! A game server that owns zones of a world: it claims those that it is told to, or starts the ones
//! that players ask for.
//!
//! Start a daemon, then this program with the fingerprint that the daemon prints:
//!
//! ```text
//! cargo run --release -p metaserve-daemon -- --names on
//! cargo run --example zone_server -- --fingerprint 5e0c... meadow
//! cargo run --example zone_client -- --fingerprint 5e0c... meadow
//! ```
//!
//! Start it twice: the second one is told that the first one owns the meadow. Without a zone it is a
//! host, which starts up to four zones when players ask for them.
#![forbid(unsafe_code)]

use clap::Parser;
use futures::StreamExt;
use metaserve_client::names::{ClaimRequest, Names};
use metaserve_examples::{DaemonArgs, log, stopped};
use tokio::{net::UdpSocket, select, task::JoinSet};

/// Owns zones of a world.
#[derive(Debug, Parser)]
struct Cli {
    /// The zone to serve [default: those that players ask for]
    zone: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
}

/// Serves a zone for as long as this program owns it.
async fn serve(claim: ClaimRequest) -> anyhow::Result<()> {
    // First make the zone ready, then say where it is.
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let zone = claim.value(socket.local_addr()?.to_string()).await?;
    println!("serving {} with epoch {}", zone.key(), zone.epoch());
    let welcome = format!("welcome to {}, epoch {}", zone.key(), zone.epoch());
    let mut asked = [0];
    loop {
        select! {
            lost = zone.lost() => anyhow::bail!("no longer serving {}: {lost}", zone.key()),
            Ok((_, player)) = socket.recv_from(&mut asked) => {
                socket.send_to(welcome.as_bytes(), player).await?;
            }
        }
    }
}

/// Starts the zones that players ask for, each in a task of its own.
async fn host(names: &Names) -> anyhow::Result<()> {
    let mut orders = names.offer("zone/", 4);
    let mut zones = JoinSet::new();
    loop {
        select! {
            Some(order) = orders.next() => drop(zones.spawn(serve(order?.claim()))),
            Some(Ok(Err(ended))) = zones.join_next() => println!("{ended}"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _log = log()?;
    let names = Names::maintain(cli.daemon.connector()?);
    let ended = async {
        match cli.zone {
            Some(zone) => serve(names.claim(format!("zone/{zone}"))).await,
            None => host(&names).await,
        }
    };
    let ended = select! {
        ended = ended => ended,
        () = stopped() => Ok(()),
    };
    names.close().await;
    ended
}

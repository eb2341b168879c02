//! A player who enters a zone of a world: it is started if nobody serves it.
//!
//! `zone_server` says how to run both.
#![forbid(unsafe_code)]

use clap::Parser;
use metaserve_client::names::Names;
use metaserve_examples::{DaemonArgs, log, printable};
use std::time::Duration;
use tokio::net::UdpSocket;

/// Enters a zone of a world.
#[derive(Debug, Parser)]
struct Cli {
    /// The zone to enter
    zone: String,
    #[command(flatten)]
    daemon: DaemonArgs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _log = log()?;
    let names = Names::maintain(cli.daemon.connector()?);
    let found = names
        .resolve(format!("zone/{}", cli.zone))
        .or_start("a player wants to enter")
        .within(Duration::from_secs(10))
        .await?;
    let address = std::str::from_utf8(&found.value)?;
    println!("{} is at {}", cli.zone, printable(address));

    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    socket.send(b"!").await?;
    let mut answer = [0; 512];
    let bytes = socket.recv(&mut answer).await?;
    println!("{}", printable(&String::from_utf8_lossy(&answer[..bytes])));
    names.close().await;
    Ok(())
}

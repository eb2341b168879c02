//! A game server that publishes itself on the list, and stays there.
//!
//! Start a daemon, then this program with the fingerprint that the daemon prints:
//!
//! ```text
//! cargo run --release -p metaserve-daemon
//! cargo run --example game_server -- --fingerprint 5e0c...
//! ```
//!
//! Its players are simulated: one comes or goes every two seconds. Ctrl-C removes it from the list.
#![forbid(unsafe_code)]

use clap::Parser;
use futures::{Stream, StreamExt, stream};
use metaserve::ServerInfo;
use metaserve_examples::{PublishArgs, log, stopped};
use metaserve_heartbeat::Connector;
use std::{path::PathBuf, time::Duration};

/// Publishes a simulated game server on the list.
#[derive(Debug, Parser)]
struct Cli {
    /// The game to be listed in
    #[arg(long, value_name = "TAG", default_value = "example")]
    game: String,
    /// The port that players join on
    #[arg(long, default_value_t = 7777)]
    port: u16,
    /// The name of the server
    #[arg(long, default_value = "An example")]
    name: String,
    /// Keep the server's certificate in this directory, so that it keeps its entry after a restart
    #[arg(long, value_name = "DIR")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    daemon: PublishArgs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _log = log()?;
    let mut daemon: Connector = cli.daemon.connector()?;
    if let Some(directory) = cli.identity {
        daemon = daemon.identity_in(directory);
    }

    // When the stream of heartbeats ends, the server says goodbye and leaves the list.
    let heartbeats = heartbeats(cli.name).take_until(stopped());
    metaserve_heartbeat::maintain(daemon)
        .game(cli.game)
        .port(cli.port)
        .run(heartbeats)
        .await?;
    Ok(())
}

/// A simulated state that changes every two seconds. A real server would send its own.
fn heartbeats(name: String) -> impl Stream<Item = Vec<u8>> {
    // Three players come and go again; then the next map begins.
    let states = ["dunes", "harbour", "old mill"]
        .into_iter()
        .flat_map(|map| [0, 1, 2, 3, 2, 1].map(|players| (map, players)))
        .cycle();
    let tick = tokio::time::interval(Duration::from_secs(2));
    let ticks = stream::unfold(tick, |mut tick| async move {
        tick.tick().await;
        Some(((), tick))
    });
    stream::iter(states)
        .zip(ticks)
        .map(move |((map, players), ())| {
            let info = ServerInfo {
                map: Some(map.into()),
                mode: Some("deathmatch".into()),
                players: Some(players),
                max_players: Some(8),
                ..ServerInfo::new(&name)
            };
            info.to_json()
        })
}

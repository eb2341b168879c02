//! A game client that prints the list of servers, and then each change.
//!
//! Start a daemon, then this program with the fingerprint that the daemon prints:
//!
//! ```text
//! cargo run --release -p metaserve-daemon
//! cargo run --example game_client -- --fingerprint 5e0c...
//! ```
//!
//! A line begins with `+` for a new server, `~` for a changed one and `-` for a removed one; a line
//! with `=` and the number of servers follows.
#![forbid(unsafe_code)]

use anyhow::Context;
use clap::Parser;
use futures::StreamExt;
use metaserve::{
    ServerInfo,
    program::print::{Reader, print},
};
use metaserve_client::{Connector, Server, Snapshot, Subscriber};
use metaserve_examples::{DaemonArgs, log, printable, printable_name, stopped};
use std::{pin::pin, time::Duration};

/// Prints the list of servers, and then each change.
#[derive(Debug, Parser)]
struct Cli {
    /// Follow this game only [default: all games]
    #[arg(long, value_name = "TAG")]
    game: Option<String>,
    /// Print the current list and end, with exit code 1 if there is none
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    daemon: DaemonArgs,
}

/// How long connecting and receiving the list may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _log = log()?;
    let daemon: Connector = cli.daemon.connector()?;
    if cli.once {
        let name = cli.daemon.names();
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, once(&daemon, cli.game)).await;
        return answer.with_context(|| format!("{name} gave no list within {ANSWER_TIMEOUT:?}"))?;
    }
    let mut follow = metaserve_client::maintain(daemon);
    if let Some(game) = cli.game {
        follow = follow.game(game);
    }

    let mut snapshots = pin!(follow.run().take_until(stopped()));
    let mut before = Snapshot::default();
    while let Some(snapshot) = snapshots.next().await {
        let now = snapshot?;
        if print(changes(&before, &now))? == Reader::Gone {
            break;
        }
        before = now; // Snapshots are cheap to keep, and still have the removed servers.
    }
    Ok(())
}

/// Prints the current list. Unlike `maintain` it does not try again.
async fn once(daemon: &Connector, game: Option<String>) -> anyhow::Result<()> {
    let mut list = Subscriber::new(daemon.connect().await?);
    if let Some(game) = game {
        list = list.game(game);
    }
    let first = list.run().next().await.context("the list has ended")??;
    print(changes(&Snapshot::default(), &first))?;
    Ok(())
}

fn changes(before: &Snapshot, now: &Snapshot) -> String {
    let mut text = String::new();
    let changes = now.changes();
    let marked = [
        ('+', now, &changes.added),
        ('~', now, &changes.updated),
        ('-', before, &changes.removed),
    ];
    for (mark, list, ids) in marked {
        for server in ids.iter().filter_map(|id| list.get(*id)) {
            text.push_str(&format!("{mark} {}\n", line(server)));
        }
    }
    text.push_str(&format!("= servers: {}\n", now.len()));
    text
}

fn line(server: &Server) -> String {
    let says = describe(&server.heartbeat);
    let game = printable(server.game.as_str());
    format!("{:21} {game:12} {says}", server.address)
}

/// Describes a heartbeat that follows the [`ServerInfo`] convention; for others, gives the size.
/// Your game would parse its own format here.
fn describe(heartbeat: &[u8]) -> String {
    let Some(info) = ServerInfo::from_json(heartbeat) else {
        return format!("{} bytes", heartbeat.len());
    };
    let count = |number: Option<u32>| number.map_or("?".into(), |number| number.to_string());
    let (players, most) = (count(info.players), count(info.max_players));
    let name = printable_name(&info.name);
    let map = printable(info.map.as_deref().unwrap_or("?"));
    format!("{name}, {map}, {players}/{most} players")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_described_and_other_heartbeats_shown_by_size() {
        let table = [
            (
                &br#"{"name":"Dusty's","map":"dunes","players":3,"max_players":16}"#[..],
                "Dusty's, dunes, 3/16 players",
            ),
            (br#"{"name":"\u001b[2J"}"#, " [2J, ?, ?/? players"),
            (br#"{"name":"\u200b"}"#, "(no name), ?, ?/? players"),
            (b"\x00\x01\x02", "3 bytes"),
        ];
        for (heartbeat, told) in table {
            assert_eq!(describe(heartbeat), told);
        }
    }
}

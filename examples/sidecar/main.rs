//! Puts an existing, unmodified game server on the list.
//!
//! It queries the game server for its state like any server browser, and publishes the answers.
//! With an OpenArena server and a daemon on this machine:
//!
//! ```text
//! cargo run --example sidecar -- \
//!     --fingerprint 5e0c... --game quake3 --list-as openarena --server 127.0.0.1:27960
//! ```
//!
//! Run it on the game server's own machine: the list shows the address from which this program
//! connects to the daemon, with the game server's port.
#![forbid(unsafe_code)]

mod info;
mod quake;
mod query;

use clap::Parser;
use futures::{FutureExt, Stream, StreamExt, stream};
use metaserve::{ServerInfo, program};
use metaserve_examples::{PublishArgs, log, printable, printable_name, stopped};
use metaserve_heartbeat::Connector;
use query::{Address, Kind};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Puts an existing, unmodified game server on the list.
///
/// Run it on the same machine as the game server: the list shows the address from which this
/// program connects to the daemon, with the game server's port. A game server that stops answering
/// is removed from the list, and listed again as soon as it answers.
#[derive(Debug, Parser)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    /// How to query the game server: a game that gamedig supports, such as q3a, minecraft or
    /// teamfortress2, or a protocol: quake3, valve, goldsrc, unreal2, gamespy1, gamespy2,
    /// gamespy3. Any other word prints all games
    #[arg(long)]
    game: Kind,
    /// Where the game server answers queries (over IPv4)
    #[arg(long, value_name = "HOST:PORT")]
    server: Address,
    /// The game to be listed in [default: the value of --game]
    #[arg(long, value_name = "TAG")]
    list_as: Option<String>,
    /// The port that players join on, if it differs from the query port [default: that of
    /// --server]
    #[arg(long)]
    port: Option<u16>,
    /// Query the game server this often, 2s or more
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = interval)]
    interval: Duration,
    /// Keep the server's own certificate in this directory, so that it keeps its entry in the list
    /// after a restart of the sidecar
    #[arg(long, value_name = "DIR")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    daemon: PublishArgs,
}

const AFTER_HELP: &str = "\
Examples:
  sidecar --game quake3 --list-as openarena --server 127.0.0.1:27960
  sidecar --game minecraft --server 127.0.0.1:25565 --interval 10s
  sidecar --game arma3 --server 127.0.0.1:2303 --port 2302";

/// The number of unanswered queries in a row after which the server is removed from the list.
const SILENCES: u32 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::end(run(Cli::parse()).await)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let _log = log()?;
    let mut daemon: Connector = cli.daemon.connector()?;
    if let Some(directory) = &cli.identity {
        daemon = daemon.identity_in(directory);
        daemon.ready()?;
    }
    let game = cli.list_as.as_deref().unwrap_or(cli.game.id());
    let port = cli.port.unwrap_or(cli.server.port());
    let query = || query::query(cli.game.clone(), cli.server.clone());
    let stop = stopped().boxed_local().shared();

    loop {
        let first = tokio::select! {
            info = first_answer(&query, cli.interval) => info,
            () = stop.clone() => return Ok(()),
        };
        tracing::info!("listing {:?}", printable_name(&first.name));
        // The heartbeats end when the game server stops answering, which removes it from the list.
        let heartbeats = heartbeats(first, &query, cli.interval).take_until(stop.clone());
        metaserve_heartbeat::maintain(&daemon)
            .game(game)
            .port(port)
            .run(heartbeats)
            .await?;
        if stop.peek().is_some() {
            return Ok(());
        }
        tracing::warn!(
            "{} does not answer: removed from the list until it does",
            cli.server
        );
    }
}

/// Waits for the first answer of the game server.
async fn first_answer<Q>(query: &Q, interval: Duration) -> ServerInfo
where
    Q: AsyncFn() -> anyhow::Result<ServerInfo>,
{
    let mut silent = false;
    loop {
        match query().await {
            Ok(info) => return info,
            Err(problem) if !silent => {
                tracing::info!("waiting for the game server: {}", said(&problem));
                silent = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(interval).await;
    }
}

/// The answers of the game server, beginning with `first`, until it fails to answer too often in a
/// row.
fn heartbeats<Q>(first: ServerInfo, query: &Q, interval: Duration) -> impl Stream<Item = Vec<u8>>
where
    Q: AsyncFn() -> anyhow::Result<ServerInfo>,
{
    let next = async move || {
        for silence in 1..=SILENCES {
            tokio::time::sleep(interval).await;
            match query().await {
                Ok(info) => return Some(info),
                Err(problem) => {
                    let problem = said(&problem);
                    tracing::info!("no answer ({silence} of {SILENCES}): {problem}");
                }
            }
        }
        None
    };
    let further = stream::unfold(next, async |next| Some((next().await?, next)));
    stream::iter([first])
        .chain(further)
        .map(|info| info.to_json())
}

/// A problem with its causes, which may quote the game server.
fn said(problem: &anyhow::Error) -> String {
    printable(&format!("{problem:#}"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_secs(2) {
        return Err("choose 2s or more: game servers do not answer more often".into());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, collections::VecDeque};

    /// A game server that answers as scripted, and then never again.
    fn scripted(script: &[bool]) -> impl AsyncFn() -> anyhow::Result<ServerInfo> {
        let script = RefCell::new(VecDeque::from_iter(script.iter().copied()));
        async move || match script.borrow_mut().pop_front() {
            Some(true) => Ok(ServerInfo::new("again")),
            _ => Err(anyhow::anyhow!("silence")),
        }
    }

    async fn listed(script: &[bool]) -> usize {
        let query = scripted(script);
        let interval = Duration::from_secs(5);
        heartbeats(ServerInfo::new("first"), &query, interval)
            .count()
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn three_unanswered_queries_in_a_row_remove_a_server_from_the_list() {
        assert_eq!(listed(&[]).await, 1);
        assert_eq!(listed(&[false, false, false, true]).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_unanswered_queries_do_not() {
        assert_eq!(listed(&[false, false, true, false, true, true]).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_has_not_started_yet_is_awaited() {
        let query = scripted(&[false, false, false, false, false, true]);
        assert_eq!(
            first_answer(&query, Duration::from_secs(5)).await.name,
            "again"
        );
    }

    #[test]
    fn the_command_line_is_valid() {
        let cli = "sidecar --game quake3 --server localhost:27960";
        let cli = Cli::try_parse_from(cli.split(' ')).unwrap();
        assert_eq!((cli.game.id(), cli.server.port()), ("quake3", 27960));
        assert!(interval("1s").is_err());
    }
}

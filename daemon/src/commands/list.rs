//! `list`: asks a running daemon for its list like a game client. Useful in scripts.

use super::members::print_members;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use futures::StreamExt;
use metaserve::{
    CloseCode, Connector, DaemonArgs, ServerInfo,
    bounds::Order,
    connect::role::Client,
    feed::json::{ShownNumber, ShownServer, said},
    printable, printable_name,
    program::{
        Signals,
        print::{Reader, print},
    },
};
use metaserve_client::{Server, ServerId, Snapshot, Snapshots, Subscriber};
use serde::Serialize;
use std::{pin::pin, time::Duration};

/// Print the list of a running daemon
///
/// The command gets the list over QUIC, as game clients do. It ends with exit code 1 when the
/// daemon cannot be reached, and with --follow also when the connection is lost.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct List {
    /// List only servers of this game [default: all games]
    #[arg(long, value_name = "TAG")]
    game: Option<String>,

    /// Print JSON, with the fields of the daemon's HTTP interface, instead of a table
    #[arg(long)]
    json: bool,

    /// Show more columns: the region, the version, the tags and the website of each server
    #[arg(long, conflicts_with = "json")]
    wide: bool,

    /// Print at most this many servers, in fair order: the first of every address before the
    /// second of any, and so on [default: all]
    #[arg(long, value_name = "COUNT", conflicts_with = "follow")]
    limit: Option<usize>,

    /// Keep running and print each change: one line for each server or, with --json, for each
    /// change
    #[arg(long)]
    follow: bool,

    /// Print the other members of the daemon's cluster instead of servers: their state, servers,
    /// clients and lag. The daemon tells them over HTTP, at this address of its --http
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:8080",
        conflicts_with_all = ["game", "wide", "limit", "follow", "daemon", "fingerprint", "ca"]
    )]
    members: Option<String>,

    #[command(flatten)]
    daemon: DaemonArgs,
}

const AFTER_HELP: &str = "\
With --follow, a line begins with + for a new server, ~ for a changed one and - for a removed \
one. With --json, each line has `added`, `updated` and `removed`; the first has the whole list \
under `added`.

Examples:
  metaserve-daemon list --daemon list.example.org:4433
  metaserve-daemon list --members
  metaserve-daemon list --fingerprint bc23... --json | jq -r '.servers[].address'";

/// How long connecting and receiving the list may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait for the goodbye to be sent. It is sent at once; anything longer is the
/// draining of attempts at addresses that do not answer.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(250);

impl List {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        if let Some(daemon) = &self.members {
            return runtime.block_on(print_members(daemon, self.json));
        }
        runtime.block_on(async {
            let daemon = self.daemon.connector::<Client>()?.ready()?;
            let stopped = Signals::new().context("cannot handle signals")?.stopped();
            let printed = tokio::select! {
                printed = self.print(&daemon) => printed,
                () = stopped => Ok(()),
            };
            let endpoint = daemon.endpoint();
            endpoint.close(CloseCode::Goodbye.into(), b"");
            // Without the goodbye the daemon notices our silence.
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, endpoint.wait_idle()).await;
            printed
        })
    }

    async fn print(&self, daemon: &Connector) -> anyhow::Result<()> {
        let name = self.daemon.names();
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.first(daemon)).await;
        let answer = answer.with_context(|| format!("{name} did not answer"))?;
        let (list, mut before) = answer.with_context(|| format!("no list from {name}"))?;
        if !self.follow {
            print(self.whole(&before)?)?;
            return Ok(());
        }
        let mut reader = print(self.change(&Snapshot::default(), &before)?)?;
        let mut list = pin!(list);
        while reader == Reader::Reads {
            let Some(now) = list.next().await else {
                bail!("the connection to {name} has ended");
            };
            let now =
                now.map_err(|error| anyhow!("the connection to {name} has ended: {error}"))?;
            reader = print(self.change(&before, &now)?)?;
            before = now;
        }
        Ok(())
    }

    /// Connects, and waits for the first list.
    async fn first(&self, daemon: &Connector) -> anyhow::Result<(Snapshots, Snapshot)> {
        let connection = daemon.connect().await?;
        let subscriber = Subscriber::new(connection);
        let mut list = match &self.game {
            Some(game) => subscriber.game(game).run(),
            None => subscriber.run(),
        };
        let first = list
            .next()
            .await
            .context("the connection ended before it was received")?;
        Ok((list, first?))
    }

    fn whole(&self, list: &Snapshot) -> anyhow::Result<String> {
        let servers = self.first_of(list);
        if !self.json {
            return Ok(self.table(&servers));
        }
        let servers = servers.into_iter().map(show).collect();
        let list = Whole {
            revision: revision(list),
            servers,
        };
        Ok(serde_json::to_string(&list)? + "\n")
    }

    /// The servers to show from a list: all of them, or the first `limit` in fair order.
    fn first_of<'a>(&self, list: &'a Snapshot) -> Vec<&'a Server> {
        let Some(limit) = self.limit else {
            return list.servers().collect();
        };
        let mut order = Order::default();
        let mut servers: Vec<_> = list.servers().collect();
        servers.sort_unstable_by_key(|server| server.id.number());
        for server in &servers {
            order.put(server.id.number(), server.address.ip());
        }
        let first = order.after(None).take(limit).filter_map(|position| {
            let number = |server: &&Server| server.id.number();
            let at = servers.binary_search_by_key(&position.number(), number);
            Some(servers[at.ok()?])
        });
        first.collect()
    }

    fn table(&self, servers: &[&Server]) -> String {
        let mut titles = vec!["ADDRESS", "GAME", "PLAYERS", "MAP", "MODE"];
        if self.wide {
            titles.extend(["REGION", "VERSION", "TAGS", "WEBSITE"]);
        }
        titles.push("NAME");
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(titles);
        table.add_rows(servers.iter().map(|server| row(server, self.wide)));
        let lines = table.lines().map(|line| format!("{}\n", line.trim()));
        lines.collect()
    }

    fn change(&self, before: &Snapshot, now: &Snapshot) -> anyhow::Result<String> {
        let changes = now.changes();
        if self.json {
            let shown = |ids: &[ServerId]| {
                let servers = ids.iter().filter_map(|id| now.get(*id));
                servers.map(show).collect()
            };
            let change = Change {
                revision: revision(now),
                added: shown(&changes.added),
                updated: shown(&changes.updated),
                removed: changes
                    .removed
                    .iter()
                    .map(|id| ShownNumber(id.number()))
                    .collect(),
            };
            return Ok(serde_json::to_string(&change)? + "\n");
        }
        let marked = [
            ('+', now, &changes.added),
            ('~', now, &changes.updated),
            ('-', before, &changes.removed),
        ];
        let lines = marked.into_iter().flat_map(|(mark, list, ids)| {
            let servers = ids.iter().filter_map(move |id| list.get(*id));
            servers.map(move |server| format!("{mark} {}\n", row(server, self.wide).join("  ")))
        });
        Ok(lines.collect())
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    revision: String,
    servers: Vec<ShownServer<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    revision: String,
    added: Vec<ShownServer<'a>>,
    updated: Vec<ShownServer<'a>>,
    removed: Vec<ShownNumber>,
}

/// The revision as it is written in the ids of events over HTTP.
fn revision(list: &Snapshot) -> String {
    format!("{}.{}", list.epoch(), list.revision())
}

fn show(server: &Server) -> ShownServer<'_> {
    let (info, heartbeat_base64) = said(&server.heartbeat);
    ShownServer {
        id: ShownNumber(server.id.number()),
        game: server.game.as_str(),
        address: server.address,
        addresses: server.addresses.clone(),
        identity: server.identity.map(|identity| identity.to_string()),
        by: None,
        updated: None,
        stale: false,
        size: server.heartbeat.len(),
        info,
        heartbeat_base64,
    }
}

/// A row of the table, with `-` for what the server does not say. A heartbeat that is not a
/// `ServerInfo` record is shown by its size.
fn row(server: &Server, wide: bool) -> Vec<String> {
    let info = ServerInfo::from_json(&server.heartbeat).unwrap_or_else(|| {
        let size = server.heartbeat.len();
        ServerInfo::new(format!("({size} bytes)"))
    });
    let players = info.occupancy();
    let mut row = vec![
        Some(server.address.to_string()),
        Some(server.game.as_str().to_owned()),
        players,
        info.map,
        info.mode,
    ];
    if wide {
        let tags = info.tags.join(",");
        row.extend([info.region, info.version, Some(tags), info.website]);
    }
    let shown = row.into_iter().map(|text| match text.as_deref() {
        None | Some("") => "-".to_owned(),
        Some(text) => printable(text),
    });
    // The longest text is last, where it moves no others.
    shown.chain([printable_name(&info.name)]).collect()
}

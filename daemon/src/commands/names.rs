//! `names`: asks a running daemon who owns names, like a game does. Useful in scripts.

use anyhow::{Context, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use futures::StreamExt;
use humantime::parse_duration;
use metaserve::{
    DaemonArgs,
    connect::role,
    lasting::Status,
    printable,
    program::{
        Signals,
        print::{Reader, print},
    },
};
use metaserve_client::names::{self, Failed, Found, Key, Snapshot, Watch};
use metaserve_ticket::MAX_BYTES;
use serde::Serialize;
use std::{fmt, fs, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::sync::mpsc;

/// Ask a running daemon who owns names, and have them started
///
/// The daemon must run with --names on. The commands connect over QUIC, as games do. Each ends with
/// exit code 1 when the daemon cannot be reached, refuses, or the connection is lost.
#[derive(Debug, Args)]
pub(crate) struct Names {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Watch(Follow),
    Resolve(Resolve),
}

/// Print all names that are owned now, or those with a prefix
///
/// For 15 s after its start a daemon may not know all owners again: the command waits until it does.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    /// Print only names that begin with this text [default: all]
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    daemon: DaemonArgs,
}

const LIST_EXAMPLES: &str = "\
With --json, a value that is text is under `value`, and any other one under `value_base64`.

Examples:
  metaserve-daemon names list zone/ --daemon list.example.org:4433
  metaserve-daemon names list --json | jq -r '.names[].key'";

/// Print all names with a prefix, and then each change
///
/// A line begins with + for a name that has an owner now, ~ for another owner or value, and - for a
/// name that is free now.
#[derive(Debug, Args)]
#[command(after_help = WATCH_EXAMPLES)]
struct Follow {
    /// Follow only names that begin with this text [default: all]
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,

    /// Print a line of JSON for each change, with `added`, `updated` and `removed`; the first has
    /// all names under `added`
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    daemon: DaemonArgs,
}

const WATCH_EXAMPLES: &str = "\
Examples:
  metaserve-daemon names watch zone/
  metaserve-daemon names watch --json | jq -r '.removed[]'";

/// Print who owns a name and, with --start, have it started if nobody does
///
/// The address is the one from which the owner is connected to the daemon; what players need is in
/// the value. The exit code is 3 if nobody owns the name.
#[derive(Debug, Args)]
#[command(after_help = RESOLVE_EXAMPLES)]
struct Resolve {
    /// The name, such as zone/meadow
    key: String,

    /// If nobody owns the name, ask a host that offers it to start it
    #[arg(long)]
    start: bool,

    /// What to tell the host
    #[arg(long, value_name = "TEXT", default_value = "", requires = "start")]
    payload: String,

    /// Show the ticket in this file, for a daemon that starts names only with one
    #[arg(long, value_name = "FILE", requires = "start")]
    ticket: Option<PathBuf>,

    /// How long to wait for the answer, such as 10s or 1m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    within: Duration,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    daemon: DaemonArgs,
}

const RESOLVE_EXAMPLES: &str = "\
Examples:
  metaserve-daemon names resolve zone/meadow
  metaserve-daemon names resolve zone/meadow --start --within 30s --json | jq -r .value";

/// Nobody owns the name that was asked for: no failure, but an exit code of its own.
#[derive(Debug)]
pub(crate) struct Nobody(String);

impl Nobody {
    /// The exit code.
    pub(crate) const CODE: u8 = 3;
}

impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nobody owns {}", printable(&self.0))
    }
}

impl std::error::Error for Nobody {}

/// How long connecting and receiving the names may take: a daemon waits 15 s for former owners after
/// its start, before it says that these are all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

impl Names {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(async {
            match self.command {
                Command::List(it) => {
                    connected(&it.daemon, async |names| it.print(names).await).await
                }
                Command::Watch(it) => {
                    connected(&it.daemon, async |names| it.print(names).await).await
                }
                Command::Resolve(it) => {
                    connected(&it.daemon, async |names| it.print(names).await).await
                }
            }
        })
    }
}

/// Does something over a connection, until it is done, the connection cannot be made or is lost, or
/// the program is asked to end.
async fn connected(
    daemon: &DaemonArgs,
    act: impl AsyncFnOnce(&names::Names) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let connector = daemon.connector::<role::Names>()?;
    let stopped = Signals::new().context("cannot handle signals")?.stopped();
    let (tell, mut lost) = mpsc::channel(1);
    let hear = move |status| {
        if let Status::Waiting { error, .. } = status {
            // The first reason is enough.
            let _ = tell.try_send(error);
        }
    };
    let names = names::maintain(connector).on_status(hear).run();
    let done = tokio::select! {
        biased;
        done = act(&names) => done,
        Some(error) = lost.recv() => Err(anyhow!(error)),
        () = stopped => Ok(()),
    };
    names.close().await;
    done.with_context(|| format!("no names from {}", daemon.names()))
}

/// The first item of a watch: all names.
async fn first(watch: &mut Watch) -> anyhow::Result<Snapshot> {
    let first = tokio::time::timeout(ANSWER_TIMEOUT, watch.next()).await;
    let first = first.context("the daemon did not answer")?;
    Ok(first.context("the connection has ended")??)
}

impl List {
    async fn print(&self, names: &names::Names) -> anyhow::Result<()> {
        let all = first(&mut names.watch(&self.prefix)).await?;
        if self.json {
            let names = all.iter().map(|(key, it)| show(key, it.epoch, &it.value));
            let names = names.collect();
            print(serde_json::to_string(&Whole { names })? + "\n")?;
            return Ok(());
        }
        let rows = all.iter().map(|(key, it)| row(key, it.epoch, &it.value));
        print(table(&["NAME", "EPOCH", "VALUE"], rows.collect()))?;
        Ok(())
    }
}

impl Follow {
    async fn print(&self, names: &names::Names) -> anyhow::Result<()> {
        let mut watch = names.watch(&self.prefix);
        let mut reader = print(self.change(&first(&mut watch).await?)?)?;
        while reader == Reader::Reads {
            let Some(now) = watch.next().await else {
                bail!("the connection has ended");
            };
            reader = print(self.change(&now?)?)?;
        }
        Ok(())
    }

    fn change(&self, now: &Snapshot) -> anyhow::Result<String> {
        let changes = now.changes();
        if self.json {
            let change = Change {
                added: shown(now, &changes.added),
                updated: shown(now, &changes.updated),
                removed: changes.removed.iter().map(Key::as_str).collect(),
            };
            return Ok(serde_json::to_string(&change)? + "\n");
        }
        let mut text = String::new();
        for (mark, keys) in [('+', &changes.added), ('~', &changes.updated)] {
            for key in keys {
                if let Some(it) = now.get(key.as_str()) {
                    let row = row(key, it.epoch, &it.value).join("  ");
                    text += &format!("{mark} {row}\n");
                }
            }
        }
        for key in &changes.removed {
            text += &format!("- {}\n", printable(key.as_str()));
        }
        Ok(text)
    }
}

impl Resolve {
    async fn print(&self, names: &names::Names) -> anyhow::Result<()> {
        let found = self.found(names).await?;
        let key = Key::new(&self.key)?;
        let Found { epoch, value, .. } = &found;
        if self.json {
            let mut shown = show(&key, *epoch, value);
            shown.address = Some(found.address);
            print(serde_json::to_string(&shown)? + "\n")?;
            return Ok(());
        }
        let mut row = row(&key, *epoch, value);
        row.insert(2, found.address.to_string());
        print(table(&["NAME", "EPOCH", "ADDRESS", "VALUE"], vec![row]))?;
        Ok(())
    }

    async fn found(&self, names: &names::Names) -> anyhow::Result<Found> {
        let resolve = names.resolve(&self.key).within(self.within);
        if !self.start {
            let found: Result<_, Failed> = resolve.await;
            return found?.ok_or_else(|| Nobody(self.key.clone()).into());
        }
        let mut start = resolve.or_start(self.payload.clone());
        if let Some(file) = &self.ticket {
            start = start.ticket(ticket(file)?);
        }
        Ok(start.await?)
    }
}

/// The ticket in a file.
fn ticket(file: &PathBuf) -> anyhow::Result<Bytes> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let ticket = text.trim_ascii();
    if ticket.len() > MAX_BYTES {
        bail!("{} is too long for a ticket", file.display());
    }
    Ok(Bytes::copy_from_slice(ticket))
}

#[derive(Serialize)]
struct Whole<'a> {
    names: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    added: Vec<Shown<'a>>,
    updated: Vec<Shown<'a>>,
    removed: Vec<&'a str>,
}

#[derive(Serialize)]
struct Shown<'a> {
    key: &'a str,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

fn show<'a>(key: &'a Key, epoch: u64, value: &[u8]) -> Shown<'a> {
    let text = std::str::from_utf8(value).ok().map(str::to_owned);
    Shown {
        key: key.as_str(),
        epoch,
        address: None,
        value_base64: text.is_none().then(|| STANDARD.encode(value)),
        value: text,
    }
}

fn shown<'a>(now: &Snapshot, keys: &'a [Key]) -> Vec<Shown<'a>> {
    let names = keys.iter().filter_map(|key| {
        let it = now.get(key.as_str())?;
        Some(show(key, it.epoch, &it.value))
    });
    names.collect()
}

/// A row of the table. A value that is not text is shown by its size.
fn row(key: &Key, epoch: u64, value: &[u8]) -> Vec<String> {
    let value = match std::str::from_utf8(value) {
        Ok("") => "-".to_owned(),
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", value.len()),
    };
    vec![printable(key.as_str()), epoch.to_string(), value]
}

fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(titles);
    table.add_rows(rows);
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    lines.collect()
}

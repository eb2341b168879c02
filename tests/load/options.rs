//! The options, and whether this machine can carry them out.

use crate::{
    change::Share,
    process::Machine,
    which::{Local, Which},
};
use anyhow::bail;
use clap::Parser;
use metaserve::DaemonArgs;
use std::{path::PathBuf, str::FromStr, time::Duration};

/// Puts a daemon or a cluster under load, and reports its cost and whether every list was right.
///
/// Game servers connect, then game clients; then servers change their heartbeats for a while. In
/// the end the list of every client is compared with the newest heartbeats. Without --spawn,
/// --cluster or --daemon the daemon runs inside this process, where its cost cannot be measured
/// separately. Servers and clients are spread over the members of a cluster, and over the values of
/// --daemon, which have to show the same list.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Game servers, each with its own connection
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    servers: usize,

    /// Game clients, each following the whole list
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    clients: usize,

    /// Bytes in a heartbeat
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    size: usize,

    /// The content of heartbeats: incompressible bytes, or realistic `ServerInfo` JSON
    #[arg(long, value_name = "KIND", default_value = "random")]
    content: Content,

    /// The share of heartbeats that differ from the one before, such as 10% or 0.1
    #[arg(long, value_name = "SHARE", default_value = "10%")]
    change: Share,

    /// How often each server sends a heartbeat, in seconds or like 500ms
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    interval: Seconds,

    /// How long to measure, in seconds or like 1m
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    seconds: Seconds,

    /// New connections per second
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    ramp: usize,

    /// New clients per second, if different from --ramp. With a long list, choose fewer than this
    /// machine can send it to, so that the cost of a joining client is measured alone
    #[arg(long, value_name = "COUNT")]
    client_ramp: Option<usize>,

    /// The number of UDP sockets for servers, and again for clients
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    sockets: usize,

    /// Threads of this process
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    threads: usize,

    /// Resume the TLS session of the previous peer on the same socket, as if it reconnected
    #[arg(long)]
    resume: bool,

    /// Start a daemon in its own process, so that its cost is measured separately: this program's
    /// own copy of it, or another binary
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "DaemonArgs"
    )]
    spawn: Option<Option<PathBuf>>,

    /// Start this many daemons as one cluster, each in its own process, with a NATS server: Debian's
    /// package nats-server must be installed. --spawn=FILE says which binary
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["DaemonArgs", "floor"])]
    cluster: Option<usize>,

    /// Start this many edges of the cluster as well: clients follow the list there
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "cluster")]
    edges: usize,

    /// Once all servers are listed, start one more member, and measure how long it takes until its
    /// list is complete
    #[arg(long, requires = "cluster")]
    join: bool,

    /// In the end let clients come to a daemon from another one, and measure what that costs,
    /// beside clients that come back and new ones
    #[arg(long = "move", requires = "cluster")]
    moves: bool,

    /// After measuring, while servers still change, kill a further member, and let this many clients
    /// that had followed the list there come to the other daemons, at the rate of --client-ramp.
    /// Compare how long changes take to the clients that were there before
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 0,
        requires = "cluster",
        conflicts_with = "join"
    )]
    lose: usize,

    /// Do the same work with bare quinn afterwards, in its own process, and print the ratio;
    /// implies --spawn
    #[arg(long, conflicts_with = "DaemonArgs")]
    floor: bool,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    daemon: Option<DaemonArgs>,

    /// Further arguments for the started daemon, such as --tick 200ms
    #[arg(last = true, value_name = "DAEMON ARGUMENTS")]
    daemon_arguments: Vec<String>,
}

const AFTER_HELP: &str = "\
Figures: `cores` is CPU seconds per second, of user and kernel together. The ratio is that of the \
daemon to bare quinn, which writes as many bytes to as many clients and reads the same heartbeats. \
With several daemons, *daemon* is all of them together, and in a cluster each has a row of its own. \
Exit code 1 means that something was lost; the rates are then meaningless.

Examples:
  load --servers 1000 --clients 1000 --change 10% --spawn --floor
  load --servers 200 --clients 10 --seconds 5s --spawn -- --tick 200ms
  load --daemon localhost:4433 --fingerprint HEX --servers 100 --clients 100
  load --cluster 3 --edges 2 --servers 3000 --clients 300
  load --cluster 2 --servers 1000 --clients 300 --lose 3000 --client-ramp 200
  load --cluster 2 --servers 100 --clients 10 --change 100% --interval 20s   changes in calm times";

/// The content of heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Content {
    /// Incompressible.
    Random,
    /// `ServerInfo` JSON.
    Info,
}

/// A duration: bare numbers are seconds.
#[derive(Clone, Copy, Debug)]
struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain = |_| format!("{text:?} is not a duration: write 20, 20s or 500ms");
        match text.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| explain(())),
            Err(_) => humantime::parse_duration(text)
                .map(Self)
                .map_err(|_| explain(())),
        }
    }
}

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The game of this run's servers, which its clients follow. With a running daemon it is a new
    /// one, since that daemon may list other servers.
    pub(crate) game: String,
    pub(crate) servers: usize,
    pub(crate) clients: usize,
    pub(crate) size: usize,
    pub(crate) content: Content,
    pub(crate) change: Share,
    pub(crate) interval: Duration,
    pub(crate) measured: Duration,
    pub(crate) ramp: usize,
    pub(crate) client_ramp: usize,
    pub(crate) sockets: usize,
    pub(crate) threads: usize,
    pub(crate) resume: bool,
    pub(crate) which: Which,
    pub(crate) floor: bool,
    pub(crate) json: bool,
    pub(crate) daemon_arguments: Vec<String>,
}

/// The shortest heartbeat that distinguishes every state of every server.
pub(crate) const MIN_SIZE: usize = 16;

impl Cli {
    /// Checks the options.
    ///
    /// # Errors
    /// When one of them makes no sense; the error says which, and what to choose.
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let client_ramp = self.client_ramp.unwrap_or(self.ramp);
        let positive = [
            ("--servers", self.servers),
            ("--ramp", self.ramp),
            ("--client-ramp", client_ramp),
            ("--sockets", self.sockets),
            ("--threads", self.threads),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            bail!("{name} must be 1 or more");
        }
        let max = metaserve::Limits::MAX_HEARTBEAT_BYTES;
        if !(MIN_SIZE..=max).contains(&self.size) {
            bail!("--size {}: choose {MIN_SIZE} to {max} bytes", self.size);
        }
        if self.interval.0 < Duration::from_millis(20) || self.seconds.0 < Duration::from_secs(1) {
            bail!("--interval must be 20ms or more, and --seconds 1s or more");
        }
        if self.cluster.is_some_and(|members| members < 2) {
            bail!("--cluster must be 2 or more: --spawn starts a single daemon");
        }
        let which = match (self.daemon, self.cluster, self.spawn) {
            (Some(daemon), ..) => Which::Running(daemon),
            (None, Some(members), spawn) => Which::Cluster(Local {
                members,
                edges: self.edges,
                binary: spawn.flatten(),
                join: self.join,
                moves: self.moves,
                lose: self.lose,
            }),
            (None, None, Some(file)) => Which::Spawn(file),
            (None, None, None) if self.floor => Which::Spawn(None),
            (None, None, None) => Which::Inside,
        };
        if matches!(which, Which::Running(_)) && !self.daemon_arguments.is_empty() {
            bail!("a running daemon takes no arguments after --");
        }
        let game = match which {
            Which::Running(_) => format!("load-{:08x}", fastrand::u32(..)),
            Which::Spawn(_) | Which::Inside | Which::Cluster(_) => "load".to_owned(),
        };
        Ok(Plan {
            game,
            servers: self.servers,
            clients: self.clients,
            size: self.size,
            content: self.content,
            change: self.change,
            interval: self.interval.0,
            measured: self.seconds.0,
            ramp: self.ramp,
            client_ramp,
            sockets: self.sockets,
            threads: self.threads,
            resume: self.resume,
            which,
            floor: self.floor,
            json: self.json,
            daemon_arguments: self.daemon_arguments,
        })
    }
}

/// The memory of one connection in this process and the daemon's together, in bytes, as measured
/// with a margin: the connection, its task, and data in flight.
const CONNECTION_BYTES: u64 = 100_000;

/// The number of copies of the list: in the servers, the daemon, the messages kept for comparison,
/// and the lists.
const COPIES: u64 = 40;

/// The memory of an entry of the list at a further member, in bytes, besides its heartbeat.
const ENTRY_BYTES: u64 = 1_000;

/// The number of open files besides the sockets: the program's own, its child's pipes, the
/// runtime's.
const OTHER_FILES: u64 = 40;

impl Plan {
    /// Checks whether this machine can carry out the plan.
    ///
    /// # Errors
    /// When it cannot; with what is needed, and what is available.
    pub(crate) fn check(&self, machine: &Machine) -> anyhow::Result<()> {
        let files = 2 * self.sockets as u64 + OTHER_FILES;
        if files > machine.open_files {
            bail!(
                "{} sockets need {files} open files, but the limit of this process is {}: raise \
                 `ulimit -n`, or lower --sockets",
                2 * self.sockets,
                machine.open_files
            );
        }
        let clients = self.clients.saturating_add(self.which.lose());
        let connections = self.servers.saturating_add(clients) as u64;
        let list = (self.servers as u64).saturating_mul(self.size as u64 + 200);
        let further = self.which.daemons_here().saturating_sub(1) as u64;
        let memory = connections
            .saturating_mul(CONNECTION_BYTES)
            .saturating_add(list.saturating_mul(COPIES))
            .saturating_add((list + ENTRY_BYTES * self.servers as u64).saturating_mul(further));
        if memory > machine.free_memory {
            bail!(
                "{connections} connections and a list of {} need about {} of memory, but {} are \
                 free: lower --servers, --clients or --size",
                megabytes(list),
                megabytes(memory),
                megabytes(machine.free_memory)
            );
        }
        Ok(())
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        Cli::try_parse_from([&["load"], arguments].concat())?.plan()
    }

    fn machine() -> Machine {
        Machine {
            open_files: 1024,
            free_memory: 8_000_000_000,
        }
    }

    #[test]
    fn the_daemon_runs_inside_by_default() {
        assert!(matches!(plan(&[]).unwrap().which, Which::Inside));
        assert!(matches!(
            plan(&["--spawn"]).unwrap().which,
            Which::Spawn(None)
        ));
        assert!(matches!(
            plan(&["--floor"]).unwrap().which,
            Which::Spawn(None)
        ));
        let other = plan(&["--spawn=other"]).unwrap().which;
        assert!(matches!(other, Which::Spawn(Some(file)) if file == *"other"));
        let running = plan(&["--daemon", "localhost:1"]).unwrap().which;
        assert!(matches!(running, Which::Running(_)));
    }

    #[test]
    fn invalid_options_are_refused() {
        let table: [&[&str]; 15] = [
            &["--servers", "0"],
            &["--ramp", "0"],
            &["--client-ramp", "0"],
            &["--size", "3"],
            &["--change", "200%"],
            &["--seconds", "0"],
            &["--spawn", "--daemon", "localhost:1"],
            &["--daemon", "localhost:1", "--", "--tick", "1s"],
            &["--cluster", "1"],
            &["--cluster", "2", "--daemon", "localhost:1"],
            &["--cluster", "2", "--floor"],
            &["--edges", "1"],
            &["--join"],
            &["--lose", "1"],
            &["--cluster", "2", "--join", "--lose", "1"],
        ];
        for arguments in table {
            assert!(plan(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_plan_beyond_the_machine_is_refused_with_what_it_needs() {
        assert!(plan(&[]).unwrap().check(&machine()).is_ok());
        let sockets = plan(&["--sockets", "600"]).unwrap();
        let error = sockets.check(&machine()).unwrap_err().to_string();
        assert!(error.contains("1240 open files"), "{error}");
        let many = plan(&["--clients", "1000000"]).unwrap();
        let error = many.check(&machine()).unwrap_err().to_string();
        assert!(error.contains("100116.0 MB"), "{error}");
    }
}

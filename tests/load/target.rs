//! A daemon under load, or the floor: started here, or already running.

use crate::{floor::Bytesent, options::Plan, process};
use anyhow::{Context, bail};
use metaserve::{Fingerprint, Trust};
use metaserve_daemon::{Daemon, Settings, Stopped};
use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The variable that tells a copy of this program its role.
const CHILD: &str = "LOAD_CHILD";
pub(crate) const CHILD_DAEMON: &str = "daemon";
pub(crate) const CHILD_FLOOR: &str = "floor";

/// The role of this copy of the program; `None` for the generator.
pub(crate) fn role() -> Option<&'static str> {
    match std::env::var(CHILD).ok()?.as_str() {
        CHILD_DAEMON => Some(CHILD_DAEMON),
        CHILD_FLOOR => Some(CHILD_FLOOR),
        _ => None,
    }
}

/// A daemon or floor to connect to.
pub(crate) struct Target {
    /// What it is called in the report.
    pub(crate) title: String,
    pub(crate) address: SocketAddr,
    /// The name that its certificate is checked for.
    pub(crate) name: String,
    pub(crate) trust: Trust,
    runs: Runs,
}

enum Runs {
    /// In this process.
    Inside {
        daemon: JoinHandle<Result<(), Stopped>>,
        ending: CancellationToken,
        _state: TempDir,
    },
    /// In a child process.
    Child(Box<Running>),
    /// Elsewhere.
    Elsewhere,
}

/// A child with its resources.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    /// Kept open, so that it can go on printing.
    _output: Lines<BufReader<ChildStdout>>,
    _state: TempDir,
}

/// How long a child may take to print its address, and to end.
const CHILD_TIMEOUT: Duration = Duration::from_secs(20);

impl Target {
    /// A running daemon.
    ///
    /// # Errors
    /// When its name has no address.
    pub(crate) async fn elsewhere(name: &str, trust: Trust) -> anyhow::Result<Self> {
        let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
        let found = tokio::net::lookup_host(name).await;
        let address = found.with_context(|| format!("--daemon {name}"))?.next();
        Ok(Self {
            title: name.to_owned(),
            address: address.with_context(|| format!("{name} has no address"))?,
            name: host.trim_matches(['[', ']']).to_owned(),
            trust,
            runs: Runs::Elsewhere,
        })
    }

    /// A daemon in this process.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn inside(plan: &Plan) -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let arguments = arguments(plan, state.path());
        let settings = Settings::parse(std::iter::once("daemon".into()).chain(arguments))?;
        let daemon = Daemon::start(settings)?;
        let ending = CancellationToken::new();
        Ok(Self {
            title: "daemon".into(),
            address: daemon.local_address()?,
            name: "localhost".into(),
            trust: Trust::Fingerprint(daemon.fingerprint()),
            runs: Runs::Inside {
                daemon: tokio::spawn(daemon.run(ending.clone().cancelled_owned())),
                ending,
                _state: state,
            },
        })
    }

    /// A daemon in its own process, with further arguments.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn spawned(
        title: &str,
        plan: &Plan,
        binary: Option<&Path>,
        further: &[&str],
    ) -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let mut command = match binary {
            Some(binary) => {
                let mut command = Command::new(binary);
                command.env_clear();
                command
            }
            None => own_copy(CHILD_DAEMON)?,
        };
        command.args(further).args(arguments(plan, state.path()));
        let (child, mut output) = start(command)?;
        let (listens, fingerprint) = (next(&mut output).await?, next(&mut output).await?);
        let after = |line: &str, words: &str| {
            let rest = line.split_once(words).map(|(_, rest)| rest.to_owned());
            rest.and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
        };
        let (Some(address), Some(fingerprint)) = (
            after(&listens, "listens on "),
            after(&fingerprint, "(SHA-256): "),
        ) else {
            bail!("this is not a metaserve daemon: it printed {listens:?}");
        };
        let (address, fingerprint) = (address.parse()?, fingerprint.parse()?);
        let child = (child, output);
        Ok(Self::child(title, child, state, address, fingerprint))
    }

    /// The floor that sends as much.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn floor(sent: Bytesent) -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let mut command = own_copy(CHILD_FLOOR)?;
        command.args(sent.arguments(state.path()));
        let (child, mut output) = start(command)?;
        let line = next(&mut output).await?;
        let (address, fingerprint) = line.split_once(' ').context("the floor's first line")?;
        let (address, fingerprint) = (address.parse()?, fingerprint.parse()?);
        Ok(Self::child(
            "floor",
            (child, output),
            state,
            address,
            fingerprint,
        ))
    }

    fn child(
        title: &str,
        (mut child, output): (Child, Lines<BufReader<ChildStdout>>),
        state: TempDir,
        address: SocketAddr,
        fingerprint: Fingerprint,
    ) -> Self {
        let input = child.stdin.take();
        Self {
            title: title.to_owned(),
            address,
            name: "localhost".into(),
            trust: Trust::Fingerprint(fingerprint),
            runs: Runs::Child(Box::new(Running {
                child,
                input,
                _output: output,
                _state: state,
            })),
        }
    }

    /// Tells the floor to begin sending.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<()> {
        if let Runs::Child(running) = &mut self.runs
            && let Some(input) = &mut running.input
        {
            input
                .write_all(b"\n")
                .await
                .context("the floor has ended")?;
        }
        Ok(())
    }

    /// Its process, if it has its own on this machine.
    pub(crate) fn process(&self) -> Option<u32> {
        match &self.runs {
            Runs::Child(running) => running.child.id(),
            Runs::Inside { .. } | Runs::Elsewhere => None,
        }
    }

    /// The processor time that it has used.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        process::cpu(self.process()?)
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> Option<u64> {
        process::resident(self.process()?)
    }

    /// Ends what was started here.
    pub(crate) async fn end(self) {
        match self.runs {
            Runs::Inside {
                daemon,
                ending,
                _state,
            } => {
                ending.cancel();
                // If the daemon stopped before, the log says why.
                let _ = daemon.await;
            }
            Runs::Child(mut running) => {
                // It may have ended by itself; it is awaited in any case.
                let _ = running.child.start_kill();
                let _ = tokio::time::timeout(CHILD_TIMEOUT, running.child.wait()).await;
            }
            Runs::Elsewhere => {}
        }
    }
}

fn own_copy(role: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().env(CHILD, role);
    Ok(command)
}

fn start(mut command: Command) -> anyhow::Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
    let output = child.stdout.take().context("its output")?;
    Ok((child, BufReader::new(output).lines()))
}

async fn next(output: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<String> {
    let line = tokio::time::timeout(CHILD_TIMEOUT, output.next_line()).await;
    let line = line.context("cannot read its address")??;
    line.context("it ended before it printed its address")
}

/// The arguments of every daemon that is started here: admit all peers, from one address and at
/// any rate. The plan's own arguments come last, and win.
fn arguments(plan: &Plan, state: &Path) -> Vec<String> {
    let places = (plan.servers + plan.clients + plan.which.lose() + 100).to_string();
    let state = state.display().to_string();
    let own = [
        ["--listen", "127.0.0.1:0"],
        ["--http", "off"],
        ["--log", "warn"],
        ["--state-dir", &state],
        ["--max-connections", &places],
        ["--max-servers", &places],
        ["--max-clients", &places],
        ["--max-servers-per-prefix", &places],
        ["--max-clients-per-prefix", &places],
        ["--retry-above-per-second", "1000000"],
    ];
    let asked = |name: &str| plan.daemon_arguments.iter().any(|given| given == name);
    let own = own.into_iter().filter(|[name, _]| !asked(name)).flatten();
    let own = own.map(str::to_owned);
    own.chain(plan.daemon_arguments.iter().cloned()).collect()
}

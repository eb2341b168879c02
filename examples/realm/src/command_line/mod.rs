//! The command line of `realm`: which role, and its settings.

mod common;
mod roles;

pub(crate) use common::{DAEMON_AT, open_log, redis, shared};
pub(crate) use roles::daemon_settings;

use crate::{accounts, cli, dev, gateway, ids::Name, scheduler, up, zone, zones};
use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use common::{Common, STATE};
use metaserve::program::{
    self, Signals,
    log::{self, LogFormat},
    print::print,
};
use roles::DaemonSettings;
use std::{
    io::{self, BufRead, IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
};
use tokio_util::sync::CancellationToken;

/// A small online world: accounts, zones that start when somebody goes there, scripts, a page.
///
/// `realm dev` is the whole world in one process, with a page and a prompt, and needs nothing
/// installed. `realm up` runs it as one process for each role, over Redis. For several machines,
/// start the roles yourself: README.md of examples/realm says how.
#[derive(Debug, Parser)]
#[command(name = "realm", version, after_help = AFTER_HELP)]
struct CommandLine {
    /// What to log: a level (error, warn, info, debug, trace, off) or a filter such as
    /// `info,realm=debug` [default: info; warn for `dev` and `cli`]
    #[arg(long, value_name = "FILTER", global = true, value_parser = log::filter)]
    log_level: Option<String>,

    #[command(subcommand)]
    role: Role,
}

const AFTER_HELP: &str = "\
Examples:
  realm dev                          a world, its page and a prompt
  realm dev < commands.txt           carries out commands, and ends
  realm up --hosts 2 --gateways 2    a process for each role, over Redis
  realm cli --gateway http://world.example.org:8080
  realm zones --json

`realm ROLE --help` lists the settings of a role. Durations are written like 10s or 5m.";

#[derive(Debug, Subcommand)]
enum Role {
    /// Run a whole world in this process: SQLite, a log in memory, a page and a prompt
    Dev(dev::Settings),
    /// Run a process for each role over Redis, restart those that die, and stop all together
    Up(up::Settings),
    /// Play at a prompt, or carry out commands from standard input
    Cli(cli::Settings),
    /// List the zones that are running, and where
    Zones {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateways: cli::Settings,
    },
    /// Make an account an administrator's, or replace its password. Only here, at the database: no
    /// request can
    Admin {
        /// The account
        name: Name,
        /// Make it no administrator's any more
        #[arg(long)]
        revoke: bool,
        /// Give the account another password, which is asked for, and end its log-ins
        #[arg(long, conflicts_with = "revoke")]
        password: bool,
        /// The database, as for `realm accounts` [default: an SQLite file in the state directory]
        #[arg(
            long,
            value_name = "URL",
            env = "REALM_DATABASE",
            hide_env_values = true
        )]
        database: Option<accounts::DatabaseUrl>,
        /// The state directory of `realm accounts`
        #[arg(long, value_name = "DIR", default_value = STATE)]
        state: PathBuf,
    },
    /// Role: accounts and characters in SQL, log-in, saving the world
    Accounts {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        settings: accounts::Settings,
    },
    /// Role: a host of zones
    Zone {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        settings: zone::Settings,
        /// Take maps and scripts from this folder [default: those of the source tree, or else those
        /// in the program]
        #[arg(long, value_name = "DIR")]
        content: Option<PathBuf>,
    },
    /// Role: the page, and players' connections
    Gateway {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        settings: gateway::Settings,
    },
    /// Role: starts zones when something is due there. A second one is the spare
    Scheduler {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        settings: scheduler::Settings,
    },
    /// Role: the daemon that knows which process owns which zone. One for a world
    Daemon(DaemonSettings),
}

/// Runs the binary: parses the command line, carries out the role, and prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    match CommandLine::try_parse() {
        Ok(line) => program::end(run(line)),
        Err(usage) => program::end_usage(&usage),
    }
}

fn run(line: CommandLine) -> anyhow::Result<()> {
    let quiet = matches!(line.role, Role::Dev(_) | Role::Cli(_) | Role::Zones { .. });
    let usual = if quiet { "warn" } else { "info" };
    let filter = line.log_level.as_deref().unwrap_or(usual);
    let _log = log::init(filter, LogFormat::Auto)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(carry_out(line.role));
    // The thread that reads standard input may wait for a line that never comes.
    runtime.shutdown_background();
    done
}

async fn carry_out(role: Role) -> anyhow::Result<()> {
    let until = CancellationToken::new();
    let signals = Signals::new().context("cannot handle signals")?;
    let stop = until.clone();
    tokio::spawn(async move {
        signals.stopped().await;
        stop.cancel();
    });
    match role {
        Role::Dev(settings) => dev::run(settings, until).await,
        Role::Up(settings) => up::run(settings, until).await,
        Role::Cli(settings) => cli::run(&settings, None, &until).await.map(drop),
        Role::Zones { json, gateways } => {
            let text = match json {
                true => serde_json::to_string_pretty(&zones::all(&gateways.gateway).await?)?,
                false => zones::table(&gateways.gateway).await?,
            };
            print(text + "\n")?;
            Ok(())
        }
        Role::Admin {
            name,
            revoke,
            password,
            database,
            state,
        } => {
            let mut settings = accounts::Settings::new(state);
            settings.database = database;
            if password {
                let password = tokio::task::spawn_blocking(new_password).await??;
                accounts::set_password(&settings, &name, password).await?;
                print(format!(
                    "the account {name} has another password, and is logged in nowhere\n"
                ))?;
                return Ok(());
            }
            accounts::admin(&settings, &name, !revoke).await?;
            let is = if revoke {
                "no administrator's any more"
            } else {
                "an administrator's"
            };
            print(format!(
                "the account {name} is {is}: from the next log-in on\n"
            ))?;
            Ok(())
        }
        Role::Accounts { common, settings } => roles::accounts(common, settings, until).await,
        Role::Zone {
            common,
            settings,
            content,
        } => roles::zone(common, settings, content.as_deref(), until).await,
        Role::Gateway { common, settings } => roles::gateway(common, settings, until).await,
        Role::Scheduler { common, settings } => roles::scheduler(common, settings, until).await,
        Role::Daemon(settings) => roles::daemon(settings, until).await,
    }
}

/// What is typed twice without being shown, or a line of standard input.
fn new_password() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().take(1_024).read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("the new password: ")?;
    let again = rpassword::prompt_password("the same again: ")?;
    ensure!(password == again, "the two passwords are not the same");
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn error(arguments: &[&str]) -> String {
        let line = CommandLine::try_parse_from([&["realm"], arguments].concat());
        line.unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_log_in_memory_is_refused_for_a_process_of_its_own() {
        for role in ["accounts", "zone", "gateway", "scheduler", "up"] {
            let said = error(&[role, "--log", "memory:"]);
            assert!(said.contains("only `realm dev`"), "{role}: {said}");
        }
        assert!(error(&["zone", "--log", "6379"]).contains("redis://127.0.0.1:6379"));
    }

    #[test]
    fn mistakes_are_answered_in_sentences() {
        for (arguments, part) in [
            (&["cli", "--gateway", "world:1"][..], "http://HOST:PORT"),
            (&["zone", "--idle", "soon"], "--idle"),
            (&["up", "--hosts", "0"], "--hosts"),
            (&["admin", "A!"], "a name has"),
            (&["zone", "--log-level", "loud"], "is not a level"),
            (&["dance"], "dance"),
        ] {
            let said = error(arguments);
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
}

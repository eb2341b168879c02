//! Puts game servers on a list that cannot do it themselves: the agent asks them for their state
//! (*query*), or is told it over HTTP (*push*), and publishes it over QUIC.
//!
//! ```text
//!  game server ◀── query ── watch/ ──┐
//!                                    ├──▶ publish: one identity and connection each ──▶ daemons
//!  game ── PUT, plain HTTP ── push/ ─┘
//! ```
//!
//! - [`settings`]: the settings, and the game servers in them.
//! - [`watch`]: what is known of each game server, and whether it is on the list.
//! - [`push`]: what games tell of themselves, over HTTP.
//! - [`publish`]: puts game servers on the daemons' lists.
//! - [`Agent`]: all of it, from start to end.
//!
//! The binary is [`main`], which adds the command line, the log and the signals.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod agent;
mod command_line;
mod commands;
pub mod publish;
pub mod push;
pub mod settings;
pub mod watch;

pub use agent::Agent;

use clap::{CommandFactory, Parser};
use command_line::CommandLine;
use metaserve::{
    program::{
        self, Threads,
        service::{self, State},
        settings::{Given, Mistakes},
    },
    time,
};
use settings::AgentSettings;
use std::{error::Error, process::ExitCode, time::Duration};

/// Runs the binary: parses the command line, then publishes until a signal or runs a command, and
/// prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(usage) => return program::end_usage(&usage),
    };
    let done = match line.command {
        Some(command) => command.run(CommandLine::command()),
        None => serve(line.settings),
    };
    match done {
        Err(error) if error.is::<Mistakes>() => program::end_mistakes(error),
        done => program::end(done),
    }
}

/// Publishes until a signal.
fn serve(given: Given<AgentSettings>) -> anyhow::Result<()> {
    // What an agent does takes less than one processor, however many servers it has. Another thread
    // looks up names and reads files.
    let threads = |_: &AgentSettings| Threads {
        workers: 1,
        others: 1,
    };
    program::serve(given, threads, async |settings, service| {
        let agent = Agent::start(&settings)?;
        let status = || agent.status();
        let adopt = async |settings: Option<AgentSettings>| {
            if let Some(settings) = settings {
                agent.adopt(settings.servers());
            }
        };
        let ended = tokio::select! {
            () = service.until_stopped(status, adopt, || agent.pass()) => Ok(()),
            stopped = agent.stopped() => Err(stopped),
            () = report(&agent) => Ok(()),
        };
        agent.close().await;
        Ok(ended?)
    })
}

/// Shows in the service manager how the agent stands.
async fn report(agent: &Agent) {
    let mut told = agent.status();
    let mut ticks = time::every(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        let now = agent.status();
        if now != told {
            service::tell(State::Status(&now));
        }
        told = now;
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

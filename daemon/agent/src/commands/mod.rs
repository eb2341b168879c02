//! The commands of the binary besides publishing. Each has its own file; [`Command::run`] selects it.

mod check;
mod query;

use crate::settings::AgentSettings;
use anyhow::Context;
use clap::Subcommand;
use metaserve::program::{
    check::Check,
    manual::{Completions, Man},
};
use tokio::runtime::Runtime;

/// The commands of the command line.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Query(query::Query),
    Check(Box<Check<AgentSettings>>),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Runs the command for a program with this command `line`. Results go to standard output.
    pub(crate) fn run(self, line: clap::Command) -> anyhow::Result<()> {
        match self {
            Self::Query(query) => runtime()?.block_on(query.run()),
            Self::Check(check) => check::run(*check, &runtime()?),
            Self::Completions(it) => it.run(line).map_err(anyhow::Error::from_boxed),
            Self::Man(it) => it.run(line).map_err(anyhow::Error::from_boxed),
        }
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("cannot start the runtime")
}

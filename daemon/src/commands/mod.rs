//! What the binary does instead of serving. Each command is a file; [`Command::run`] says which.

mod ban;
mod cert;
mod check;
mod list;

use crate::{command_line::CommandLine, settings::Settings};
use clap::{CommandFactory, Subcommand};
use metaserve::program::{
    check::Check,
    manual::{Completions, Man},
};

/// The commands, as the command line names them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cert(cert::Cert),
    Check(Box<Check<Settings>>),
    List(list::List),
    Ban(ban::Ban),
    Unban(ban::Unban),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Does it. What it has to say goes to standard output.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Cert(cert) => cert.run(),
            Self::Check(check) => check::run(*check),
            Self::List(list) => list.run(),
            Self::Ban(ban) => ban.run(),
            Self::Unban(unban) => unban.run(),
            Self::Completions(it) => it
                .run(CommandLine::command())
                .map_err(anyhow::Error::from_boxed),
            Self::Man(it) => it
                .run(CommandLine::command())
                .map_err(anyhow::Error::from_boxed),
        }
    }
}

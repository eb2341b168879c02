//! What the binary does instead of serving. Each command is a file; [`Command::run`] says which.

mod ban;
mod cert;
mod check;
mod list;

use crate::settings::Settings;
use clap::Subcommand;
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
    /// Does it, for a program with this command `line`. What it has to say goes to standard output.
    pub(crate) fn run(self, line: clap::Command) -> anyhow::Result<()> {
        match self {
            Self::Cert(cert) => cert.run(),
            Self::Check(check) => check::run(*check),
            Self::List(list) => list.run(),
            Self::Ban(ban) => ban.run(),
            Self::Unban(unban) => unban.run(),
            Self::Completions(it) => it.run(line).map_err(anyhow::Error::from_boxed),
            Self::Man(it) => it.run(line).map_err(anyhow::Error::from_boxed),
        }
    }
}

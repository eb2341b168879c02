//! What the binary does instead of serving. Each command is a file; [`Command::run`] says which.

mod ban;
mod cert;
mod check;
mod completions;
mod list;
mod man;

use clap::Subcommand;

/// The commands, as the command line names them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cert(cert::Cert),
    Check(Box<check::Check>),
    List(list::List),
    Ban(ban::Ban),
    Unban(ban::Unban),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Does it. What it has to say goes to standard output.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Cert(cert) => cert.run(),
            Self::Check(check) => check.run(),
            Self::List(list) => list.run(),
            Self::Ban(ban) => ban.run(),
            Self::Unban(unban) => unban.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

//! The commands of the binary besides serving. Each has its own file; [`Command::run`] selects it.

mod ban;
mod cert;
mod check;
#[cfg(feature = "cluster")]
mod cluster_config;
mod list;
mod members;
mod names;
mod ticket;

pub(crate) use names::Nobody;

use crate::settings::Settings;
use clap::Subcommand;
use metaserve::program::{
    check::Check,
    manual::{Completions, Man},
};

/// The commands of the command line.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cert(cert::Cert),
    Check(Box<Check<Settings>>),
    List(list::List),
    #[cfg(feature = "cluster")]
    ClusterConfig(cluster_config::ClusterConfig),
    Ban(ban::Ban),
    Unban(ban::Unban),
    Names(names::Names),
    Ticket(ticket::Ticket),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Runs the command for a program with this command `line`. Results go to standard output.
    pub(crate) fn run(self, line: clap::Command) -> anyhow::Result<()> {
        match self {
            Self::Cert(cert) => cert.run(),
            Self::Check(check) => check::run(*check),
            Self::List(list) => list.run(),
            #[cfg(feature = "cluster")]
            Self::ClusterConfig(config) => config.run(),
            Self::Ban(ban) => ban.run(),
            Self::Unban(unban) => unban.run(),
            Self::Names(names) => names.run(),
            Self::Ticket(ticket) => ticket.run(),
            Self::Completions(it) => it.run(line).map_err(anyhow::Error::from_boxed),
            Self::Man(it) => it.run(line).map_err(anyhow::Error::from_boxed),
        }
    }
}

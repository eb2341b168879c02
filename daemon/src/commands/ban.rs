//! `ban` and `unban`: edit the ban file, which a running daemon reads again by itself.

use crate::cli::ban_file_of;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use metaserve::{
    bans::{self, BanArgs, UnbanArgs, Whom},
    program::print::print,
    time::wall_clock,
};
use std::path::PathBuf;

/// Add addresses or prefixes to the ban file, or list what is in it
///
/// A running daemon reads the file again within two seconds, and closes whoever is banned now.
/// What else is in the file stays as it is, and a file that is not there is made. A ban for some
/// time ends by itself.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ban {
    #[command(subcommand)]
    look: Option<Look>,

    #[command(flatten)]
    bans: Option<BanArgs>,

    #[command(flatten)]
    file: FileArgs,
}

const EXAMPLES: &str = "\
Examples:
  metaserve-daemon ban 192.0.2.7 --for 2h --reason 'floods' --ban-file bans.txt
  metaserve-daemon ban list --ban-file bans.txt";

#[derive(Debug, Subcommand)]
enum Look {
    List(List),
}

/// Show all bans with the time that is left
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    file: FileArgs,
}

/// Take addresses or prefixes out of the ban file
///
/// Removes the lines that ban exactly these. Exit code 1 says that another line still bans one of
/// them.
#[derive(Debug, Args)]
pub(crate) struct Unban {
    #[command(flatten)]
    bans: UnbanArgs,

    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, Args)]
struct FileArgs {
    /// The ban file [default: what the configuration file says]
    #[arg(long, env = "METASERVE_BAN_FILE", value_name = "FILE")]
    ban_file: Option<PathBuf>,

    /// The daemon's configuration file, to find the ban file in
    #[arg(long, env = "METASERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Ban {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match (self.look, self.bans) {
            (Some(Look::List(list)), _) => {
                let table = bans::table(&list.file.find()?, wall_clock())?;
                print(table)?;
            }
            (None, Some(bans)) => {
                let done = bans.run(&self.file.find()?, Whom::Everybody, wall_clock())?;
                print(done.text)?;
            }
            (None, None) => bail!("ban whom? Name an address or a prefix"),
        }
        Ok(())
    }
}

impl Unban {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let done = self.bans.run(&self.file.find()?, wall_clock())?;
        print(done.text)?;
        match done.still_banned {
            0 => Ok(()),
            count => bail!("{count} of them still banned"),
        }
    }
}

impl FileArgs {
    fn find(&self) -> anyhow::Result<PathBuf> {
        let in_config = || self.config.as_deref().map(ban_file_of).transpose();
        let file = match self.ban_file.clone() {
            Some(file) => Some(file),
            None => in_config()?.flatten(),
        };
        file.context(
            "which file? Name the ban file with --ban-file, or with --config the configuration \
             file that names it",
        )
    }
}

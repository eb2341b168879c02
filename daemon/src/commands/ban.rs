//! `ban` and `unban`: edit the ban file, which a running daemon reloads by itself.

use crate::settings::Settings;
use anyhow::{Context, bail};
use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use metaserve::{
    bans::{self, BanArgs, UnbanArgs, Whom},
    program::{print::print, settings::Given},
    time::wall_clock,
};
use std::path::PathBuf;

/// Add addresses or prefixes to the ban file, or list its bans
///
/// A running daemon reloads the file within two seconds and disconnects peers that are banned now.
/// All other lines stay as they are, and a missing file is created. A ban with a duration ends by
/// itself.
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

/// Remove addresses or prefixes from the ban file
///
/// Removes the lines that ban exactly these. The exit code is 1 if another line still bans one of
/// them.
#[derive(Debug, Args)]
pub(crate) struct Unban {
    #[command(flatten)]
    bans: UnbanArgs,

    #[command(flatten)]
    file: FileArgs,
}

/// Where to find the ban file: its flag, its variable, or the daemon's configuration file.
#[derive(Debug)]
struct FileArgs(Given<Settings>);

impl Args for FileArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Given::<Settings>::add_to(command, |name| name == "ban-file")
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FileArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Given::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
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
            (None, None) => bail!("no address given: name an address or a prefix to ban"),
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
        self.0.apart()?.settings.ban_file.context(
            "no ban file given: name it with --ban-file, or name the configuration file that sets \
             it with --config",
        )
    }
}

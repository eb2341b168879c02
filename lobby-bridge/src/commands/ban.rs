//! `ban` and `unban`: edit the ban file, which a running bridge reads again by itself.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use metaserve::{
    bans::{self, BanArgs, UnbanArgs, Whom},
    program::print::print,
};

use crate::bans::wall_clock;

/// Add addresses or prefixes to the ban file, or list what is in it
///
/// A running bridge reads the file again within two seconds, and disconnects whoever is banned
/// now, whichever protocol they speak. What else is in the file stays as it is, and a file that is
/// not there is made. A ban for some time ends by itself.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Ban {
    #[command(subcommand)]
    look: Option<Look>,

    #[command(flatten)]
    bans: Option<BanArgs>,

    /// Ban only Aleph One's guests there: many people may share an address, and those with an
    /// account can still log in
    #[arg(long)]
    guests: bool,

    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, Subcommand)]
enum Look {
    /// Show all bans with the time that is left
    List {
        #[command(flatten)]
        file: FileArgs,
    },
}

/// Take addresses or prefixes out of the ban file
///
/// Removes the lines that ban exactly these. Exit code 1 says that another line still bans one of
/// them.
#[derive(Args, Debug)]
pub(super) struct Unban {
    #[command(flatten)]
    bans: UnbanArgs,

    #[command(flatten)]
    file: FileArgs,
}

#[derive(Args, Debug)]
struct FileArgs {
    /// The ban file [default: what the service's file says]
    #[arg(long, value_name = "FILE", env = "METASERVE_BRIDGE_BAN_FILE")]
    ban_file: Option<PathBuf>,

    /// The service's TOML file, to find the ban file in
    #[arg(long, value_name = "FILE", env = "METASERVE_BRIDGE_CONFIG")]
    config: Option<PathBuf>,
}

impl Ban {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match (self.look, self.bans) {
            (Some(Look::List { file }), _) => {
                print(bans::table(&file.find()?, wall_clock())?)?;
            }
            (None, Some(bans)) => {
                let whom = match self.guests {
                    true => Whom::Guests,
                    false => Whom::Everybody,
                };
                print(bans.run(&self.file.find()?, whom, wall_clock())?.text)?;
            }
            (None, None) => bail!("ban whom? Name an address or a prefix"),
        }
        Ok(())
    }
}

impl Unban {
    pub(super) fn run(self) -> anyhow::Result<()> {
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
        let file = match (&self.ban_file, &self.config) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(config)) => super::File::read(config)?.ban_file,
            (None, None) => None,
        };
        file.context(
            "which file? Name the ban file with --ban-file, or with --config the configuration \
             file that names it",
        )
    }
}

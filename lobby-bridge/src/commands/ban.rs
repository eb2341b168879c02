//! `ban` and `unban`: edit the ban file, which a running bridge reads again by itself.

use anyhow::bail;
use clap::{Args, Subcommand};
use metaserve::{
    bans::{self, BanArgs, UnbanArgs, Whom},
    program::print::print,
    time::wall_clock,
};

use super::place::Where;

/// Add addresses or prefixes to the ban file, or list the bans in it
///
/// A running bridge reads the file again within two seconds, and disconnects peers that are now
/// banned, in all protocols. Everything else in the file stays as it is. A missing file is
/// created. A ban with a time ends by itself.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Ban {
    #[command(subcommand)]
    look: Option<Look>,

    #[command(flatten)]
    bans: Option<BanArgs>,

    /// Ban only Aleph One's guests there: many people may share an address, and those with an
    /// account can still log in
    #[arg(long)]
    guests: bool,
}

#[derive(Debug, Subcommand)]
enum Look {
    /// Show all bans with the time that is left
    List,
}

/// Remove addresses or prefixes from the ban file
///
/// Removes the lines that ban exactly these. Exit code 1 means that another line still bans one of
/// them.
#[derive(Args, Debug)]
pub(crate) struct Unban {
    #[command(flatten)]
    bans: UnbanArgs,
}

impl Ban {
    pub(super) fn run(self, place: &Where) -> anyhow::Result<()> {
        match (self.look, self.bans) {
            (Some(Look::List), _) => {
                print(bans::table(&place.ban_file()?, wall_clock())?)?;
            }
            (None, Some(bans)) => {
                let whom = match self.guests {
                    true => Whom::Guests,
                    false => Whom::Everybody,
                };
                print(bans.run(&place.ban_file()?, whom, wall_clock())?.text)?;
            }
            (None, None) => bail!("no address is given: name an address or a prefix to ban"),
        }
        Ok(())
    }
}

impl Unban {
    pub(super) fn run(self, place: &Where) -> anyhow::Result<()> {
        let done = self.bans.run(&place.ban_file()?, wall_clock())?;
        print(done.text)?;
        match done.still_banned {
            0 => Ok(()),
            count => bail!("{count} of them are still banned by other lines"),
        }
    }
}

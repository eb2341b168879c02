//! `ban` and `unban`: edit the ban file, which a running daemon reads again by itself.

use crate::cli::ban_file_of;
use anyhow::{Context, bail};
use clap::Args;
use ipnet::IpNet;
use metaserve::bans::{self, Edited};
use std::{path::PathBuf, time::SystemTime};

/// Add addresses or prefixes to the ban file
///
/// A running daemon reads it again within two seconds, and closes whoever is banned now. What else
/// is in the file stays as it is, and a file that is not there is made.
#[derive(Debug, Args)]
pub(crate) struct Ban {
    #[command(flatten)]
    edit: Edit,

    /// Note why, behind the time; only the file's readers see it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Take addresses or prefixes out of the ban file
///
/// Takes away the lines that ban exactly these. Exit code 1 says that another line still bans one
/// of them.
#[derive(Debug, Args)]
pub(crate) struct Unban {
    #[command(flatten)]
    edit: Edit,
}

#[derive(Debug, Args)]
struct Edit {
    /// An address, or a prefix such as 192.0.2.0/24 or 2001:db8::/32
    #[arg(required = true, value_name = "CIDR", value_parser = bans::prefix)]
    prefixes: Vec<IpNet>,

    /// The file to edit [default: what the configuration file says]
    #[arg(long, env = "METASERVE_BAN_FILE", value_name = "FILE")]
    ban_file: Option<PathBuf>,

    /// The daemon's configuration file, to find the ban file in
    #[arg(long, env = "METASERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Ban {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        let remark = format!("{now} {}", self.reason);
        self.edit
            .run(|text, prefixes| bans::ban(text, prefixes, &remark))
    }
}

impl Unban {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.edit.run(bans::unban)
    }
}

impl Edit {
    fn run(
        self,
        change: impl FnOnce(&str, &[IpNet]) -> (String, Vec<Edited>),
    ) -> anyhow::Result<()> {
        let in_config = || self.config.as_deref().map(ban_file_of).transpose();
        let file = match self.ban_file.clone() {
            Some(file) => Some(file),
            None => in_config()?.flatten(),
        };
        let file = file.context(
            "which file? Name the ban file with --ban-file, or with --config the configuration \
             file that names it",
        )?;
        let edited = bans::change_file(&file, |text| change(text, &self.prefixes))?;
        let lines: String = edited.iter().map(|it| format!("{it}\n")).collect();
        super::print(lines.as_bytes())?;
        let still = |it: &&Edited| matches!(it, Edited::StillBanned(..));
        match edited.iter().filter(still).count() {
            0 => Ok(()),
            count => bail!("{count} of them still banned"),
        }
    }
}

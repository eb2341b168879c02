//! The command-line arguments about bans, which are the same in all our programs.

use super::{BanFileError, Edited, Whom, ban, change_file, duration, prefix, sweep, unban};
use ipnet::IpNet;
use std::{
    fmt::Write,
    path::Path,
    time::{Duration, SystemTime},
};

/// The prefixes to ban, for how long and why.
#[derive(Clone, Debug, clap::Args)]
pub struct BanArgs {
    /// An address, or a prefix such as 192.0.2.0/24 or 2001:db8::/32
    #[arg(required = true, value_name = "CIDR", value_parser = prefix)]
    prefixes: Vec<IpNet>,

    /// End the bans after this time, such as 30m, 2h or 7d [default: never]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,

    /// Record the reason in the line; only readers of the file see it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// The prefixes to unban.
#[derive(Clone, Debug, clap::Args)]
pub struct UnbanArgs {
    /// An address, or a prefix such as 192.0.2.0/24 or 2001:db8::/32
    #[arg(required_unless_present = "expired", value_name = "CIDR", value_parser = prefix)]
    prefixes: Vec<IpNet>,

    /// Also remove all lines whose time is over
    #[arg(long)]
    expired: bool,
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// One line of text for each prefix.
    pub text: String,
    /// The number of prefixes to unban that are still banned by another line.
    pub still_banned: usize,
}

impl BanArgs {
    /// Bans `whom` at these addresses. Creates the file if it does not exist.
    ///
    /// # Errors
    /// When the file has a mistake, or cannot be written.
    pub fn run(&self, file: &Path, whom: Whom, now: SystemTime) -> Result<Done, BanFileError> {
        let until = self.duration.map(|duration| now + duration);
        let remark = format!("{} {}", humantime::format_rfc3339_seconds(now), self.reason);
        let edited = change_file(file, |text| {
            ban(text, &self.prefixes, whom, until, &remark, now)
        })?;
        Ok(Done::of(&edited))
    }
}

impl UnbanArgs {
    /// Removes the lines that ban exactly these prefixes.
    ///
    /// # Errors
    /// When the file has a mistake, or cannot be written.
    pub fn run(&self, file: &Path, now: SystemTime) -> Result<Done, BanFileError> {
        let (edited, expired) = change_file(file, |text| {
            let (text, edited) = unban(text, &self.prefixes, now);
            match self.expired {
                true => {
                    let (text, expired) = sweep(&text, now);
                    (text, (edited, Some(expired)))
                }
                false => (text, (edited, None)),
            }
        })?;
        let mut done = Done::of(&edited);
        if let Some(expired) = expired {
            let lines = if expired == 1 { "line" } else { "lines" };
            let _ = writeln!(done.text, "removed {expired} {lines} whose time was over");
        }
        Ok(done)
    }
}

impl Done {
    fn of(edited: &[Edited]) -> Self {
        let still = |it: &&Edited| matches!(it, Edited::StillBanned(..));
        Self {
            text: edited.iter().map(|it| format!("{it}\n")).collect(),
            still_banned: edited.iter().filter(still).count(),
        }
    }
}

//! Banned addresses and prefixes, in a file that the operator keeps.
//!
//! ```text
//! # One address or prefix per line, and until when; a number sign begins a remark.
//! 192.0.2.7
//! 198.51.100.0/24 until 2026-11-21T12:00:00Z   # 2026-11-21T10:00:00Z floods
//! 2001:db8::/32
//! 203.0.113.9 guests until 2026-11-28T12:00:00Z
//! ```
//!
//! A ban for `guests` does not affect people with an account, since many people may share an
//! address. Where there are no accounts, it bans nobody.
//!
//! [`Bans`] holds the bans of a file for lookups (`lookup.rs`). `file.rs` parses the text,
//! [`change_file`] with [`ban`], [`unban`] and [`sweep`] (`edit.rs`) changes it, and [`table`]
//! shows it to people. With the feature `clap`, [`BanArgs`] and [`UnbanArgs`] are command-line
//! arguments for these changes.
//!
//! Nothing here reads the clock: the time is passed in.

#[cfg(feature = "clap")]
mod arguments;
mod edit;
mod file;
mod lookup;
mod table;

use ipnet::IpNet;
use std::{fmt, time::SystemTime};

#[cfg(feature = "clap")]
pub use arguments::{BanArgs, Done, UnbanArgs};
pub use edit::{Edited, ban, change_file, remove, sweep, unban};
pub use file::{BadLine, BanFileError, duration, host, prefix};
pub use lookup::Bans;
pub use table::table;

/// The audience of a ban among the people at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// Everybody.
    #[default]
    Everybody,
    /// Guests: people without an account.
    Guests,
}

/// A banned prefix and its end. Displayed as in a file: `192.0.2.0/24 until 2026-11-21T12:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The banned addresses. IPv4 prefixes are in IPv4 form, not inside IPv6.
    pub prefix: IpNet,
    /// The audience of the ban.
    pub whom: Whom,
    /// When the ban ends; `None` if it does not end by itself.
    pub until: Option<SystemTime>,
}

impl Ban {
    /// Whether the ban is in force at this time.
    #[must_use]
    pub fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it affects everybody whom the other affects.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix.contains(&other.prefix) && self.whom <= other.whom
    }

    /// Whether it ends at the same time as the other, or later.
    #[must_use]
    pub fn lasts_as_long_as(&self, other: &Self) -> bool {
        match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own >= other,
        }
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prefix.fmt(f)?;
        if self.whom == Whom::Guests {
            f.write_str(" guests")?;
        }
        match self.until {
            Some(until) => write!(f, " until {}", humantime::format_rfc3339_seconds(until)),
            None => Ok(()),
        }
    }
}

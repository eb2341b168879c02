//! The settings of accounts.

use std::{path::Path, time::Duration};

use clap::{ArgAction, Args};
use metaserve::{bounds::AttemptLimits, program::settings::switch};

/// Returns the default database of a bridge with this state directory.
#[must_use]
pub fn default_database(state_dir: &Path) -> String {
    format!("sqlite:{}", state_dir.join("accounts.sqlite").display())
}

/// The settings of accounts, hubs and logs.
#[derive(Args, Clone, Debug)]
pub struct AccountSettings {
    /// Write public chat to the database
    #[arg(
        long,
        alias = "myth-log-chat",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_log_chat: bool,

    /// Write private messages to the database
    #[arg(
        long,
        alias = "myth-log-private-messages",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_log_private_messages: bool,

    /// Write logins, logouts and games of players to the database
    #[arg(
        long,
        alias = "myth-log-events",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_log_events: bool,

    /// Write details of players' programs to the database
    #[arg(
        long,
        alias = "myth-log-login-details",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_log_login_details: bool,

    /// The database of accounts, hubs and logs [default: an SQLite file in the state directory]
    ///
    /// `sqlite:PATH`, `mariadb://USER:PASSWORD@HOST/NAME` or `mysql://...`. The tables are those
    /// of the Aleph One metaserver, so its database can be used unchanged.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
}

impl AccountSettings {
    /// Returns the database that is set, or the file in this state directory.
    #[must_use]
    pub fn database(&self, state_dir: &Path) -> String {
        let database = self.database.clone();
        database.unwrap_or_else(|| default_database(state_dir))
    }

    /// Returns the settings of the accounts themselves.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            logs: Logs {
                chat: self.aleph_one_log_chat,
                private_messages: self.aleph_one_log_private_messages,
                events: self.aleph_one_log_events,
                login_details: self.aleph_one_log_login_details,
            },
            ..Settings::default()
        }
    }
}

/// How accounts are stored and protected.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The logs that are written.
    pub logs: Logs,
    /// The limits of failed attempts.
    pub attempts: AttemptLimits,
    /// The limits of accounts that strangers make; `each_account` limits those of all strangers
    /// together. Default: 5 from one address, then one every ten minutes; 60 in total, then one
    /// every minute.
    pub sign_ups: AttemptLimits,
    /// The lifetime of a token. Default: 60 s (`docs/specifications/myth-metaserver.md`, section
    /// 9).
    pub token_lifetime: Duration,
    /// The cost of new hashes, 4 to 16; each step doubles the work. Default: 12, about a quarter
    /// of a second of one core per login.
    pub bcrypt_cost: u32,
    /// How many passwords are checked at one time. Default: half of the cores, at least 1.
    pub checks_at_once: usize,
    /// How many more may wait before logins are refused. Default: 100.
    pub checks_waiting: usize,
    /// The most connections to the database. Default: 5.
    pub connections: u32,
    /// The timeout of connecting, and of each statement. Default: 5 s.
    pub patience: Duration,
    /// The most bytes of log rows that wait to be written; a line of chat counts about 600. Further
    /// rows are dropped. Default: 8 MiB.
    pub log_queue_bytes: usize,
}

/// The log tables that are written. Default: all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Public lines and broadcasts, in `chatlog`.
    pub chat: bool,
    /// Private messages, in `chatlog`; independent of `chat`.
    pub private_messages: bool,
    /// Logins, logouts and games of players, in `eventlog`.
    pub events: bool,
    /// Details of clients, in `logindetail`.
    pub login_details: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            logs: Logs::default(),
            attempts: AttemptLimits::default(),
            sign_ups: AttemptLimits {
                each_pair: (5, Duration::from_secs(600)),
                each_address: (5, Duration::from_secs(600)),
                each_account: (60, Duration::from_secs(60)),
                ..AttemptLimits::default()
            },
            token_lifetime: Duration::from_secs(60),
            bcrypt_cost: 12,
            checks_at_once: (cores / 2).max(1),
            checks_waiting: 100,
            connections: 5,
            patience: Duration::from_secs(5),
            log_queue_bytes: 8 << 20,
        }
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            chat: true,
            private_messages: true,
            events: true,
            login_details: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_as_documented() {
        let settings = Settings::default();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(settings.sign_ups.each_pair, (5, minutes(10)));
        assert_eq!(settings.sign_ups.each_address, (5, minutes(10)));
        assert_eq!(settings.sign_ups.each_account, (60, minutes(1)));
        assert_eq!(settings.log_queue_bytes, 8_388_608);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert!((1..=cores).contains(&settings.checks_at_once));
        assert!(settings.checks_at_once >= cores / 2);
    }
}

//! Settings: from the command line, the environment and a file to one checked [`Config`].

mod config;
mod join_link;
mod settings;
mod values;

pub use config::Config;
pub use join_link::JoinLink;
pub use values::Http;

use crate::commands::Command;
use clap::{Args, Parser};
use settings::Settings;
use std::path::{Path, PathBuf};

/// Keeps the live list of a game's servers.
///
/// Game servers connect and send heartbeats; game clients connect and are given the list, at
/// once and then every change. Without any argument it serves on all addresses, port 4433 (UDP),
/// with a certificate of its own, and prints what games need to connect.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

impl Cli {
    /// The settings, for programs that run a daemon within themselves.
    ///
    /// # Errors
    /// When a file cannot be read or understood, or settings contradict each other.
    pub fn config(&self) -> anyhow::Result<Config> {
        self.serve.config()
    }
}

/// Settings, and where to find more of them.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Read settings from this TOML file: the same names as below without the dashes in front,
    /// such as `max-heartbeat = 4096`.
    #[arg(long, env = "METASERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

const AFTER_HELP: &str = "\
Each setting is taken from the command line, else from the environment (METASERVE_ and its name), \
else from the file, else its default. Durations are written as 200ms, 3s or 1m.

Signals: SIGTERM and SIGINT tell every peer to come back soon and end the daemon; SIGHUP reads \
the configuration file, the certificate and the bans again (the latter two are also read again when \
they change).

Examples:
  metaserve-daemon
  metaserve-daemon --cert fullchain.pem --key privkey.pem
  metaserve-daemon --listen 0.0.0.0:5000 --tick 200ms --min-interval 200ms";

impl ServeArgs {
    /// The file with further settings, if one is named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The settings from all places, checked.
    ///
    /// # Errors
    /// When the file cannot be read or understood, or settings contradict each other.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(Settings::read).transpose()?;
        self.settings.clone().or(file.unwrap_or_default()).check()
    }
}

/// The ban file that a configuration file names, if it does.
///
/// # Errors
/// When the configuration file cannot be read or understood.
pub(crate) fn ban_file_of(config: &Path) -> anyhow::Result<Option<PathBuf>> {
    Ok(Settings::read(config)?.ban_file)
}

#[cfg(test)]
mod tests;

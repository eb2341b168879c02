//! The words after the binary's name.

use crate::{commands::Command, settings::Settings};
use clap::Parser;
use metaserve::program::settings::Given;
use std::ffi::OsString;

/// Keeps the live list of a game's servers.
///
/// Game servers connect and send heartbeats; game clients connect and are given the list, at
/// once and then every change. Without any argument it serves on all addresses, port 4433 (UDP),
/// with a certificate of its own, and prints what games need to connect.
#[derive(Debug, Parser)]
#[command(name = "metaserve-daemon", version, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) settings: Given<Settings>,
}

impl Settings {
    /// The settings that these words of a command line say, with environment and file: for
    /// programs that run a daemon within themselves. The first word is the program's name.
    ///
    /// # Errors
    /// When they cannot be understood, or ask for something else.
    pub fn parse(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> anyhow::Result<Self> {
        let line = CommandLine::try_parse_from(words)?;
        Ok(line.settings.settle()?.settings)
    }
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

//! The command line: its settings and its commands.

use crate::{commands::Command, settings::Settings};
use clap::Parser;
use metaserve::program::settings::Given;
use std::ffi::OsString;

/// Keeps the live list of a game's servers.
///
/// Game servers connect and send heartbeats; game clients connect and receive the list, first as a
/// whole and then every change. Without arguments the daemon listens on all addresses, UDP port
/// 4433, with a self-signed certificate, and prints what games need to connect.
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
    /// Parses the settings from these arguments, the environment and the configuration file, for
    /// programs that embed a daemon. The first argument is the program's name.
    ///
    /// # Errors
    /// When the arguments are not valid, or ask for something else, such as `--help`.
    pub fn parse(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> anyhow::Result<Self> {
        let line = CommandLine::try_parse_from(words)?;
        Ok(line.settings.settle()?.settings)
    }
}

const AFTER_HELP: &str = "\
Each setting is taken from the command line, else from the environment (METASERVE_ and its name), \
else from the file, else its default. Durations are written like 200ms, 3s or 1m.

Signals: SIGTERM and SIGINT tell every peer to reconnect soon and end the daemon; SIGHUP reads \
the configuration file, the certificate and the bans again (the latter two are also read again when \
they change).

Examples:
  metaserve-daemon
  metaserve-daemon --cert fullchain.pem --key privkey.pem
  metaserve-daemon --listen 0.0.0.0:5000 --tick 200ms --min-interval 200ms";

//! The operator's commands: `account`, `hub`, `ban` and `unban`.

mod account;
mod ban;
mod check;
mod hub;
mod place;

use clap::Subcommand;
use metaserve::program::{
    manual::{Completions, Man},
    settings::Given,
};

use self::place::Where;
use crate::settings::BridgeSettings;

/// A command of the operator.
#[derive(Debug)]
pub struct Commands {
    command: Command,
    place: Where,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add, change, list and remove the accounts of players
    #[command(subcommand)]
    Account(account::Account),
    /// Add, list and remove hubs, which host games for players who cannot
    #[command(subcommand)]
    Hub(hub::Hub),
    Ban(ban::Ban),
    Unban(ban::Unban),
    /// Show what the bridge would do with these settings, without starting it
    ///
    /// Shows each setting with its value and where that comes from, and names all mistakes. Other
    /// settings than the configuration file go before `check`. Exit code 1 means that the bridge
    /// would not start.
    Check,
    Completions(Completions),
    Man(Man),
}

impl Commands {
    /// Makes a command, with the settings that were given before or after its name.
    pub(crate) fn new(command: Command, given: Given<BridgeSettings>) -> Self {
        let place = Where(given);
        Self { command, place }
    }

    /// Returns the settings of the service that were given.
    #[cfg(test)]
    pub(crate) fn given(&self) -> &Given<BridgeSettings> {
        &self.place.0
    }

    /// Executes the command, and prints its output. `command_line` is for manuals and completions.
    ///
    /// # Errors
    /// The command failed and has changed nothing.
    pub async fn run(self, command_line: clap::Command) -> anyhow::Result<()> {
        match self.command {
            Command::Account(account) => account.run(&self.place).await,
            Command::Hub(hub) => hub.run(&self.place).await,
            Command::Ban(ban) => ban.run(&self.place),
            Command::Unban(unban) => unban.run(&self.place),
            Command::Check => check::run(self.place.0).await,
            Command::Completions(it) => it.run(command_line).map_err(anyhow::Error::from_boxed),
            Command::Man(it) => it.run(command_line).map_err(anyhow::Error::from_boxed),
        }
    }
}

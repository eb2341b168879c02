//! The command line: a command, or settings and old words for the service.

#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};
use metaserve::program::settings::Given;

use self::words::Words;
use crate::{
    commands::{Command, Commands},
    settings::BridgeSettings,
};

const NAME: &str = "metaserve-lobby-bridge";

const LONG_ABOUT: &str = "\
Keeps lobbies of old games alive, and shows their games in a metaserve list.

A protocol runs when its address is given:

    metaserve-lobby-bridge --vcmi [::]:5002

Players of VCMI 1.1 to 1.4 then enter this machine's name and port 5002 as their lobby.

    metaserve-lobby-bridge --aleph-one [::]:6321

Players of Aleph One then find each other here, if the host name that is built into their game
leads to this machine (hosts file or DNS). Rooms use port 6335 and up, see --aleph-one-room.

    metaserve-lobby-bridge --quake3 [::]:27950

Servers and clients of Quake III, OpenArena, Xonotic and other games of their family then find each
other here, with `sv_master1` set to this machine. With --daemon, all games are also in its list.
--quakeworld, --quake2 and --goldsrc are masters for those games.

Two commands manage the players' accounts and the hubs, even while the bridge runs. Each has a
--help of its own:

    metaserve-lobby-bridge account add NAME
    metaserve-lobby-bridge hub add HOST PORT";

/// Keeps lobbies of old games alive, and shows their games in a metaserve list
#[derive(Debug, Parser)]
#[command(name = NAME, version, long_about = LONG_ABOUT)]
struct CommandLine {
    #[command(flatten)]
    settings: Given<BridgeSettings>,

    #[command(subcommand)]
    command: Option<Command>,

    /// Words of the old proxy server's command line, such as `port=5002`
    ///
    /// `port=N` means `--vcmi [::]:N`, `capacity=N` means `--vcmi-capacity N`,
    /// `healthcheck=N` means `--vcmi-healthcheck N`, `logging=LEVEL` means `--log LEVEL`.
    /// If there is at least one, the VCMI lobby runs, on port 5002 unless another one is given.
    #[arg(value_name = "KEY=VALUE")]
    words: Vec<String>,
}

/// The same without the old words: every word is then a command, or an error that names it.
#[derive(Debug, Parser)]
#[command(name = NAME)]
struct WithoutWords {
    #[command(flatten)]
    _settings: Given<BridgeSettings>,

    #[command(subcommand)]
    _command: Option<Command>,
}

/// The request of a command line.
#[derive(Debug)]
pub enum Asked {
    /// Serve. The remarks about old words must be printed first.
    Service(Given<BridgeSettings>, Vec<String>),
    /// Execute a command.
    Command(Box<Commands>),
}

/// Returns the command line, for manuals and completions.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// Parses the command line. Other values come from the environment and the file.
///
/// # Errors
/// The command line is invalid or asks for help. The error prints itself.
pub fn ask(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Asked, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let line = CommandLine::try_parse_from(&arguments)?;
    // A mistyped command must not count as an old word and open a lobby.
    if !line.words.iter().all(|word| word.contains('=')) {
        WithoutWords::try_parse_from(&arguments)?;
    }
    let mut given = line.settings;
    if let Some(command) = line.command {
        return Ok(Asked::Command(Box::new(Commands::new(command, given))));
    }
    let words = Words::parse(&line.words);
    words.say(&mut given);
    Ok(Asked::Service(given, words.remarks))
}

//! The command line: its settings and its commands.

use crate::{commands::Command, settings::AgentSettings};
use clap::Parser;
use metaserve::program::settings::Given;

/// Puts game servers on a metaserve list that cannot do it themselves.
///
/// The agent runs on the machine of the game servers. It asks each of them for its state, as any
/// server browser does, and publishes the answers; a server that stops answering leaves the list.
/// Games can also tell it their state over HTTP.
#[derive(Debug, Parser)]
#[command(name = "metaserve-agent", version, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) settings: Given<AgentSettings>,
}

const AFTER_HELP: &str = "\
Each setting is taken from the command line, else from the environment (METASERVE_AGENT_ and its \
name), else from the file, else its default. Durations are written like 200ms, 3s or 1m.

Signals: SIGTERM and SIGINT take all servers off the list and end the agent; SIGHUP reads the \
configuration file again, and changes only the servers that have changed in it.

Examples:
  metaserve-agent query quake3://127.0.0.1:27960
  metaserve-agent --server quake3://127.0.0.1:27960 --game openarena
  metaserve-agent --config /etc/metaserve/agent.toml";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_valid() {
        CommandLine::command().debug_assert();
    }
}

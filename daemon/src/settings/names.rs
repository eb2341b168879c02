//! The settings of names.

use super::{Cluster, ClusterRole};
use clap::{ArgAction, Args};
use metaserve::program::settings::{Problem, Values, switch};
use std::path::PathBuf;

/// The settings of names.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Names")]
#[non_exhaustive]
pub struct Names {
    /// Say who owns a name now, and have it started if nobody does. In a cluster, switch it on at
    /// one member only
    #[arg(
        id = "names",
        long = "names",
        value_name = "on|off",
        default_value = "off",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub is_on: bool,

    /// The settings that may change while the daemon runs.
    #[command(flatten)]
    pub live: NamesLive,
}

/// The settings of names that may change while a daemon runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Names")]
#[non_exhaustive]
pub struct NamesLive {
    /// Let only peers with a ticket claim names, start them, or offer to: signed with one of the
    /// public keys in these files, which are read again at each reload. Without it, anybody may
    #[arg(
        id = "names-need-ticket",
        long = "names-need-ticket",
        value_name = "FILE",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub need_ticket: Vec<PathBuf>,

    /// The audience that tickets must be for, such as the name of the game
    #[arg(
        id = "names-audience",
        long = "names-audience",
        value_name = "TEXT",
        default_value = "metaserve",
        value_parser = audience
    )]
    pub audience: String,
}

impl Names {
    /// Reports settings that contradict each other.
    pub(super) fn complete(&self, values: &Values, cluster: &Cluster) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |setting, what: &str| problems.push(Problem::new(setting, what));
        if values.is_given("names-need-ticket") && !self.is_on {
            problem(
                "names-need-ticket",
                "--names-need-ticket needs --names on: without it there are no names",
            );
        }
        if self.is_on && cluster.role == ClusterRole::Edge {
            problem(
                "names",
                "an edge takes game clients only: use --names on at one member of the cluster",
            );
        }
        problems
    }
}

/// The audience of tickets: 1 to 255 bytes without control characters.
fn audience(text: &str) -> Result<String, &'static str> {
    match (1..=255).contains(&text.len()) && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("write 1 to 255 bytes without control characters"),
    }
}

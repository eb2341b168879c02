//! Which daemons are put under load, and at which of them a peer is.

use metaserve::DaemonArgs;
use std::path::PathBuf;

/// The daemons to use.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// A daemon inside this process.
    Inside,
    /// A daemon in its own process: this program, or another binary.
    Spawn(Option<PathBuf>),
    /// Running daemons.
    Running(DaemonArgs),
    /// A cluster on this machine.
    Cluster(Local),
}

/// A cluster on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) members: usize,
    pub(crate) edges: usize,
    /// This program, or another binary.
    pub(crate) binary: Option<PathBuf>,
    /// Whether one more member joins.
    pub(crate) join: bool,
    /// Whether clients move from one daemon to another.
    pub(crate) moves: bool,
    /// How many clients a further member has that is lost.
    pub(crate) lose: usize,
}

impl Which {
    /// How many daemons are started on this machine.
    pub(crate) fn daemons_here(&self) -> usize {
        match self {
            Self::Inside | Self::Spawn(_) => 1,
            Self::Running(_) => 0,
            Self::Cluster(local) => {
                let further = usize::from(local.join || local.lose > 0);
                local.members + local.edges + further
            }
        }
    }

    /// How many clients come from a member that is lost.
    pub(crate) fn lose(&self) -> usize {
        match self {
            Self::Cluster(local) => local.lose,
            Self::Inside | Self::Spawn(_) | Self::Running(_) => 0,
        }
    }

    /// Whether a server is at another daemon than a client.
    pub(crate) fn are_apart(&self, server: usize, client: usize) -> bool {
        match self {
            Self::Inside | Self::Spawn(_) => false,
            Self::Running(daemons) => {
                let daemons = daemons.daemon.len();
                server % daemons != client % daemons
            }
            Self::Cluster(local) if local.edges > 0 => true,
            Self::Cluster(local) => server % local.members != client % local.members,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Cli;
    use clap::Parser;

    fn which(arguments: &[&str]) -> Which {
        let cli = Cli::try_parse_from([&["load"], arguments].concat()).unwrap();
        cli.plan().unwrap().which
    }

    #[test]
    fn a_cluster_has_members_and_edges_and_clients_are_apart_from_servers() {
        let both = which(&["--cluster", "3", "--edges", "2", "--spawn=other"]);
        let Which::Cluster(local) = &both else {
            panic!("{both:?}");
        };
        assert_eq!((local.members, local.edges, both.daemons_here()), (3, 2, 5));
        assert_eq!(local.binary.as_deref(), Some("other".as_ref()));
        assert!(both.are_apart(0, 0), "clients are at the edges");
        let members = which(&["--cluster", "3", "--join"]);
        assert!(!members.are_apart(4, 1) && members.are_apart(4, 2));
        let running = which(&["--daemon", "a:1,b:2", "--daemon", "c:3"]);
        assert!(!running.are_apart(4, 1) && running.are_apart(4, 2));
        assert!(!which(&["--spawn"]).are_apart(0, 1));
    }
}

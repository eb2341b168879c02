//! Where the entries of a list come from.

use std::sync::Arc;

/// One run of a member of a cluster. A member that has restarted is another run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberRun {
    /// The member's name, which its operator has chosen.
    pub name: Arc<str>,
    /// Drawn at random when it started.
    pub run: u64,
}

/// Which daemon a server is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// This one.
    #[default]
    Here,
    /// Another member of the cluster.
    Member(Arc<MemberRun>),
}

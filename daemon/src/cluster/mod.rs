//! Several daemons with one list: each is a *member*, states the servers that are connected to
//! it, and follows what the others state.
//!
//! ```text
//!             NATS                  node/ (pure)                       metaserve::registry
//!  messages ────────▶ heard ──▶ members, one peer each ──▶ Replica ──▶ Registry ──▶ Feeds
//!           ◀──────── outbox ◀── sender: own frames, beats, answers ◀── own feed
//! ```
//!
//! [`Node`] is all of it but for sockets and the clock: messages and the time go in, messages and
//! [`Event`]s come out.
//!
//! Without the feature `cluster` there is no NATS, and so nothing but what others see of a cluster.

#[cfg(feature = "cluster")]
mod bans;
#[cfg(feature = "cluster")]
pub(crate) mod driver;
#[cfg(feature = "cluster")]
mod exchange;
#[cfg(feature = "cluster")]
mod members;
#[cfg(feature = "cluster")]
pub(crate) mod nats;
#[cfg(feature = "cluster")]
mod node;
#[cfg(feature = "cluster")]
mod peer;
#[cfg(feature = "cluster")]
mod report;
#[cfg(feature = "cluster")]
mod sender;
#[cfg(feature = "cluster")]
mod steady;
#[cfg(feature = "cluster")]
#[cfg(test)]
mod tests;
mod view;

#[cfg(feature = "cluster")]
pub(crate) use exchange::{Config, Event, LEAST_MAX_PAYLOAD, Message};
#[cfg(feature = "cluster")]
pub(crate) use metaserve::protocol::cluster::Banned;
#[cfg(feature = "cluster")]
pub(crate) use node::Node;
pub(crate) use view::{Seen, View};

use crate::settings::ClusterRole;
use std::{sync::Arc, time::Duration};

/// What a daemon is to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// It has servers and states them.
    Member,
    /// It has no servers: it only follows, for clients.
    Edge,
}

impl Role {
    /// The role that the operator has chosen.
    pub(crate) const fn of(chosen: ClusterRole) -> Self {
        match chosen {
            ClusterRole::Member => Self::Member,
            ClusterRole::Edge => Self::Edge,
        }
    }

    /// Its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Edge => "edge",
        }
    }
}

/// How this node stands to another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Its servers are known, and it is heard.
    Heard,
    /// It is heard, and its servers or some changes are being asked for.
    Syncing,
    /// It is silent: its servers stay until the hold is over.
    Held,
    /// It is silent while this node is cut off: its servers stay longer.
    Kept,
    /// It was silent for too long: its servers have left the list.
    Gone,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Heard,
        Self::Syncing,
        Self::Held,
        Self::Kept,
        Self::Gone,
    ];

    /// Whether messages of the member arrive.
    #[cfg(feature = "cluster")]
    pub(crate) const fn is_heard(self) -> bool {
        matches!(self, Self::Heard | Self::Syncing)
    }

    /// Its name in metrics and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Syncing => "syncing",
            Self::Held => "held",
            Self::Kept => "kept",
            Self::Gone => "gone",
        }
    }
}

/// The cluster as this node sees it.
#[cfg(feature = "cluster")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    pub(crate) members: Vec<MemberStatus>,
    /// This node hears too few of the others: it keeps what they stated last.
    pub(crate) cut_off: bool,
}

/// Another member or edge, in one of its runs, as this node sees it.
#[derive(Clone, Debug)]
pub(crate) struct MemberStatus {
    pub(crate) name: Arc<str>,
    #[cfg_attr(
        not(feature = "cluster"),
        expect(dead_code, reason = "there are no members without NATS")
    )]
    pub(crate) run: u64,
    pub(crate) role: Role,
    pub(crate) state: State,
    /// Its servers that this node knows, whether shown or not.
    pub(crate) servers: usize,
    /// How many clients it serves, as it says.
    pub(crate) clients: u32,
    /// The time between its last two beats, beyond the one second that it should be.
    pub(crate) lag: Duration,
}

/// Why servers or changes of a member are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// The member, or this run of it, is new to this node.
    New,
    /// Changes are missing.
    Gap,
    /// More changes arrived than are queued while the answer is awaited.
    Overflow,
    /// Others hold the servers of a run that has ended.
    Hold,
    /// Servers were left out for want of room, and there is room now.
    Room,
    /// The answer was late, or could not be used.
    Again,
}

impl Why {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::New,
        Self::Gap,
        Self::Overflow,
        Self::Hold,
        Self::Room,
        Self::Again,
    ];

    /// Its name in metrics and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gap => "gap",
            Self::Overflow => "overflow",
            Self::Hold => "hold",
            Self::Room => "room",
            Self::Again => "again",
        }
    }
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// Its subject belongs to another cluster, or is none that this node subscribes to; or the answer
    /// that it asks for does.
    Subject,
    /// It is of another version of the cluster's protocol.
    Version,
    /// It is empty: somebody tries whether it may publish here, as `metaserve-daemon check` does.
    Empty,
    /// It cannot be read.
    Malformed,
    /// It is longer than messages may be, or becomes so when it is unpacked.
    Oversize,
    /// Its time is too far ahead of this node's.
    FarAhead,
    /// An edge states servers.
    Edge,
    /// There are more members than this node follows, or more questions of one than are answered.
    TooMany,
}

impl Refusal {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Subject,
        Self::Version,
        Self::Empty,
        Self::Malformed,
        Self::Oversize,
        Self::FarAhead,
        Self::Edge,
        Self::TooMany,
    ];

    /// Its name in metrics and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Version => "version",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::Oversize => "oversize",
            Self::FarAhead => "far_ahead",
            Self::Edge => "edge",
            Self::TooMany => "too_many",
        }
    }

    /// The reason, and what to do.
    #[cfg(feature = "cluster")]
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Subject => {
                "it is for another list: see whether --cluster-name is the same everywhere"
            }
            Self::Version => {
                "it is of another version of metaserve: upgrade the daemon that sends it, or this one"
            }
            Self::Empty => "it is empty: somebody tries whether it may publish there",
            Self::Malformed => "it cannot be read: see who else may publish there",
            Self::Oversize => "it is too long: see who else may publish there",
            Self::FarAhead => "its time is too far ahead: see who else may publish there",
            Self::Edge => {
                "an edge states servers: it has the wrong --cluster-role, or its key was stolen"
            }
            Self::TooMany => "there are too many members, or questions of one",
        }
    }
}

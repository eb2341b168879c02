//! What goes into a node, and what comes out of it.

use super::{Refusal, Role, State, Why};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// The least `max_payload` of a NATS server that a daemon shares its list over, in bytes: with less,
/// a long list would take too many messages.
pub(crate) const LEAST_MAX_PAYLOAD: usize = 64 * 1024;

/// A message of NATS, in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    /// Where an answer is expected, if one is.
    pub(crate) reply: Option<String>,
    pub(crate) payload: Bytes,
}

/// What a node is told at its start.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The name of the cluster: one list.
    pub(crate) cluster: String,
    /// The name of this member, unique in the cluster.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Random for each start of the daemon.
    pub(crate) run: u64,
    /// How long the servers of a silent member stay.
    pub(crate) hold: Duration,
    /// The same while it is this member that is cut off.
    pub(crate) keep: Duration,
    /// After this time a connection that is dead has ended: so long an own server that has come to
    /// another member may stay connected here.
    pub(crate) idle_timeout: Duration,
    /// Whether the bans of other members are obeyed.
    pub(crate) bans: bool,
    /// The longest list that is taken from one member, in bytes.
    pub(crate) list_bytes: usize,
}

/// What has happened, for the log and for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A member or edge is in another state now.
    Member {
        name: Arc<str>,
        run: u64,
        role: Role,
        state: State,
    },
    /// Changes of a member are missing.
    Gap { name: Arc<str> },
    /// A member is asked for its servers.
    Sync { name: Arc<str>, why: Why },
    /// A beat came so long after the one before, beyond the second that it should take.
    Lag { name: Arc<str>, lag: Duration },
    /// A message was dropped.
    Refused { subject: String, why: Refusal },
    /// This node hears too few of the others, or enough of them again.
    CutOff(bool),
    /// Another run states servers under this member's name; or no longer does.
    Rival(Option<u64>),
    /// Other bans of others are in force now.
    Bans,
    /// The list is complete: all members that were heard have told their servers. Or not: then
    /// some of them have not answered in time.
    Joined { complete: bool },
}

//! One member of a cluster, without sockets and without a clock.

use super::{Banned, Config, Event, Message, Role, Status};
use metaserve::registry::Registry;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A member or edge of a cluster.
///
/// Whoever drives it subscribes to [`subscriptions`](Self::subscriptions), says when NATS is
/// [`connected`](Self::connected), passes in what it [`heard`](Self::heard), gives it its
/// [`turn`](Self::turn) when it is due or when the own feed has changed, and publishes its
/// [`outbox`](Self::outbox) after each of these calls.
pub(crate) struct Node {
    config: Config,
    registry: Arc<Registry>,
    rng: fastrand::Rng,
    outbox: Vec<Message>,
    events: Vec<Event>,
}

/// How often a member says that it is there.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

impl Node {
    /// A node that is not connected yet. It follows others into `registry`, which must have an own
    /// feed. `seed` is for what should differ between members, such as delays.
    pub(crate) fn new(config: Config, registry: Arc<Registry>, seed: u64) -> Self {
        Self {
            config,
            registry,
            rng: fastrand::Rng::with_seed(seed),
            outbox: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What to subscribe to: all of it before [`connected`](Self::connected) is called.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let Config { cluster, name, .. } = &self.config;
        let prefix = format!("ms.{cluster}");
        let mut subjects = vec![
            format!("{prefix}.m.*"),
            format!("{prefix}.e.*"),
            format!("{prefix}.inbox.{name}.>"),
        ];
        if self.config.role == Role::Member {
            subjects.push(format!("{prefix}.hello"));
            subjects.push(format!("{prefix}.sync.{name}"));
        }
        subjects
    }

    /// NATS can be reached and everything is subscribed to, or it cannot be reached any more.
    /// While it cannot be reached, nothing is put into the outbox.
    pub(crate) fn connected(&mut self, _now: Instant, _connected: bool) {}

    /// A message has arrived.
    pub(crate) fn heard(&mut self, _now: Instant, _message: Message) {}

    /// Does what is due, such as beats, and what the own feed has to say. Returns when it wants
    /// its next turn, which may be at once.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        now + BEAT
    }

    /// What to publish, in order.
    pub(crate) fn outbox(&mut self) -> impl Iterator<Item = Message> {
        self.outbox.drain(..)
    }

    /// This message of the outbox could not be handed over in time, and was dropped. Others ask
    /// for what it said.
    pub(crate) fn skipped(&mut self, _message: Message) {}

    /// Says goodbye: the outbox has the last messages of this node. Nothing is published
    /// afterwards, so what closes now stays in the lists of others until it is stated elsewhere,
    /// or the hold is over.
    pub(crate) fn leave(&mut self, _now: Instant) {}

    /// Whether the list is as complete as it is going to be: clients can be shown it.
    pub(crate) fn joined(&self) -> bool {
        true
    }

    /// The cluster as this node sees it now.
    pub(crate) fn status(&self) -> Status {
        Status::default()
    }

    /// What has happened since the last call. The driver takes it after each call: it is bounded
    /// by what one call can cause.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The bans of this member, which others are told; replaces those before.
    pub(crate) fn set_bans(&mut self, _now: Instant, _bans: Vec<Banned>) {}

    /// The bans of all other members, with the time that is left of each. Empty if this node does
    /// not obey them.
    pub(crate) fn bans(&self, _now: Instant) -> Vec<Banned> {
        Vec::new()
    }

    /// How many clients this node serves, which others are told.
    pub(crate) fn set_clients(&mut self, _clients: u32) {}
}

//! What lets a client of one member go on at another, with only what is different there.
//!
//! Beats say how far the list of a member goes, and what it depends on; what follows from that for
//! a client is for the feeds to say.

use super::{super::members::SILENCE, Node, Role};
use metaserve::{
    feed::{self, Feeds, Heard},
    list::{Clock, Stamp},
    protocol::cluster::{Beat, Stage},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// What others and our clients know of our list.
pub(super) struct Resuming {
    feeds: Arc<Feeds>,
    /// The epoch of the cluster's list: the least that was heard, or drawn by whoever heard of none;
    /// zero before that.
    pub(super) epoch: u64,
    /// When it was last changed by others, and when a member last said the same.
    changed: Option<Instant>,
    agreed: Option<Instant>,
    /// When this node had joined.
    found: Option<Instant>,
    /// All that our clients were told of our own servers up to this time was published.
    pub(super) upto: Stamp,
}

/// Others change our epoch at most once in this time: then all clients take a snapshot.
const REST: Duration = Duration::from_secs(60);

/// But not so soon after it has joined: of members that start together each may have drawn one.
const SETTLE: Duration = SILENCE.saturating_mul(2);

impl Resuming {
    pub(super) fn new(feeds: Arc<Feeds>) -> Self {
        Self {
            feeds,
            epoch: 0,
            changed: None,
            agreed: None,
            found: None,
            upto: Stamp(0),
        }
    }
}

impl Node {
    /// Publishes what our clients may have been told of our own servers, before a beat says so.
    pub(super) fn say_all(&mut self) {
        // What happens from now on is told to clients at a later time than this.
        let upto = self.registry.clock().now();
        let said = match self.config.role {
            Role::Edge => true,
            Role::Member => self.registry.settle_own(),
        };
        if said {
            let subject = self.own_subject();
            self.sender.state(&subject, &mut self.outbox);
            self.resuming.upto = upto;
        }
    }

    /// What a beat says of our list, besides what it says of us.
    pub(super) fn beat_of_list(&self) -> Beat {
        let basis = self.resuming.feeds.basis();
        let clock = self.registry.clock();
        Beat {
            upto: self.resuming.upto.0,
            epoch: self.resuming.epoch,
            stable: self.heard_all().all.0,
            view: basis.and_then(|it| it.view).unwrap_or(0),
            since: basis.map_or(0, |it| it.since.0),
            // After all of that.
            clock: clock.advance().0,
            ..Beat::default()
        }
    }

    /// Which list a member says that it has.
    pub(super) fn mind_epoch(&mut self, epoch: u64, now: Instant) {
        let Resuming {
            epoch: ours,
            changed,
            agreed,
            found,
            ..
        } = self.resuming;
        if epoch == ours {
            self.resuming.agreed = Some(now);
            return;
        }
        // Of two that were drawn apart, the least is that of all. Nobody follows an edge, so it
        // follows members in any case if none has its own.
        let alone = agreed.is_none_or(|at| at + SILENCE <= now);
        let theirs = ours == 0 || epoch < ours || alone && self.config.role == Role::Edge;
        let rests = changed.is_some_and(|at| now < at + REST);
        let settled = found.is_some_and(|at| at + SETTLE <= now);
        if epoch == 0 || !theirs || rests && settled {
            return;
        }
        self.resuming.epoch = epoch;
        self.resuming.agreed = Some(now);
        if self.stage != Stage::Joining {
            self.resuming.changed = Some(now);
            self.resuming.feeds.set_epoch(epoch);
        }
    }

    /// A beat of another member or of an edge, which speaks under this subject.
    pub(super) fn mind_list(&mut self, kind: &str, name: &str, beat: &Beat, now: Instant) {
        let clock = self.registry.clock().now();
        if beat.clock > clock.0.saturating_add(Clock::FAR) {
            return;
        }
        let said = feed::Beat {
            run: beat.run,
            clock: Stamp(beat.clock),
            upto: Stamp(beat.upto),
            stable: Stamp(beat.stable),
            view: (beat.view != 0).then_some(beat.view),
            since: Stamp(beat.since),
        };
        let speaker = format!("{kind}.{name}");
        self.resuming.feeds.beat_of(&speaker, beat.tag, said, now);
    }

    /// The list is complete, so clients can be told which one it is.
    pub(super) fn found_list(&mut self, now: Instant) {
        self.resuming.found = Some(now);
        if self.resuming.epoch == 0 {
            self.resuming.epoch = self.rng.u64(1..);
        }
        self.resuming.feeds.set_epoch(self.resuming.epoch);
    }

    fn heard_all(&self) -> Heard {
        let Heard { all, silent } = self.members.upto();
        let now = self.registry.clock().now();
        Heard {
            all: all.min(now),
            silent,
        }
    }

    /// Tells our feeds how far others are heard.
    pub(super) fn tell_heard(&self) {
        self.resuming.feeds.heard(self.heard_all());
    }
}

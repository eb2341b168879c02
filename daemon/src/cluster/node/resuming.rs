//! What lets a client of one member go on at another, with only what is different there.
//!
//! Beats say how far the list of a member goes, and what it depends on; what follows from that for
//! a client is for the feeds to say.

use super::{Node, Role};
use metaserve::{
    feed::{self, Feeds, Heard},
    list::Stamp,
    protocol::cluster::{Beat, Stage},
};
use std::{sync::Arc, time::Instant};

/// What others and our clients know of our list.
pub(super) struct Resuming {
    feeds: Arc<Feeds>,
    /// The epoch of the cluster's list: the least that was heard, or drawn by whoever heard of none;
    /// zero before that.
    pub(super) epoch: u64,
    /// All that our clients were told of our own servers up to this time was published.
    pub(super) upto: Stamp,
}

impl Resuming {
    pub(super) fn new(feeds: Arc<Feeds>) -> Self {
        Self {
            feeds,
            epoch: 0,
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

    /// A beat of another member or of an edge.
    pub(super) fn mind_list(&mut self, beat: &Beat, now: Instant) {
        let ours = self.resuming.epoch;
        // Of two that were drawn apart, the least is that of all.
        if beat.epoch != 0 && (ours == 0 || beat.epoch < ours) {
            self.resuming.epoch = beat.epoch;
            if self.stage != Stage::Joining {
                self.resuming.feeds.set_epoch(beat.epoch);
            }
        }
        let said = feed::Beat {
            run: beat.run,
            clock: Stamp(beat.clock),
            upto: Stamp(beat.upto),
            stable: Stamp(beat.stable),
            view: (beat.view != 0).then_some(beat.view),
            since: Stamp(beat.since),
        };
        self.resuming.feeds.beat_of(beat.tag, said, now);
    }

    /// The list is complete, so clients can be told which one it is.
    pub(super) fn found_list(&mut self) {
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

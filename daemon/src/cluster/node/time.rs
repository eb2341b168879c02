//! Which times of other members a node believes.

use super::{super::Refusal, Node};
use metaserve::{
    list::{Clock, Stamp},
    protocol::cluster::Stage,
};
use std::time::{Duration, Instant};

/// How far other members have set this member's clock ahead of late. A member that lies could
/// otherwise bring all clocks to their end with some hundred messages.
#[derive(Debug, Default)]
pub(super) struct Leaps {
    since: Option<Instant>,
    sum: u64,
}

/// Steps up to this are not counted: others make as many changes at once.
const STEP: u64 = 1 << 16;

/// The most that a clock is set ahead in one [`PERIOD`], by all leaps together.
const MOST: u64 = Clock::FAR;

/// How long leaps are added up.
const PERIOD: Duration = Duration::from_secs(24 * 3600);

impl Leaps {
    /// Whether the clock may be set ahead by so much now.
    fn allow(&mut self, ahead: u64, now: Instant) -> bool {
        if ahead <= STEP {
            return true;
        }
        if self.since.is_none_or(|since| since + PERIOD <= now) {
            *self = Self {
                since: Some(now),
                sum: 0,
            };
        }
        let sum = self.sum.saturating_add(ahead);
        let allowed = sum <= MOST;
        if allowed {
            self.sum = sum;
        }
        allowed
    }
}

impl Node {
    /// Takes in the time of a message of a member. Edges change nothing, so their time is that of
    /// the members whom they hear, and nobody needs it.
    pub(super) fn witness(&mut self, stamp: u64, now: Instant) -> Result<(), Refusal> {
        let (clock, heard) = (self.registry.clock(), Stamp(stamp));
        if self.stage == Stage::Joining {
            return clock.adopt(heard).map_err(|_| Refusal::FarAhead);
        }
        let ahead = stamp.saturating_sub(clock.now().0);
        if !self.leaps.allow(ahead, now) {
            return Err(Refusal::FarAhead);
        }
        clock.witness(heard).map_err(|_| Refusal::FarAhead)
    }
}

//! One run of another member, as this node follows it: what it has stated, and how it stands.
//!
//! ```text
//!  new ──▶ Syncing ──answer──▶ Heard ──gap──▶ Syncing (keeps what it has meanwhile)
//!  any ──silence, leaving, another run──▶ Held (Kept while we are cut off) ──until──▶ gone
//!  Held, Kept ──message of the same run──▶ Heard or Syncing
//! ```

mod applying;
mod asking;
mod steps;

pub(super) use asking::Question;

use super::{State, Why};
use applying::Applying;
use asking::{Pause, Sync};
use metaserve::{
    list::{Clock, MemberRun},
    protocol::{
        cluster::{Assembled, Assembly, Part},
        codec::DecodeError,
    },
    registry::{Registry, Replica},
};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use steps::{Body, Fits};

/// The longest time between two questions for the same list.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The first question after a gap waits for up to so long, so that not all that have the same gap
/// ask at once.
const SPREAD: Duration = Duration::from_millis(500);

/// The most bytes of changes that wait for an answer, and of pieces that wait for the next one.
pub(super) const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// The most bytes that a change which nobody has asked for is unpacked to. A longer one is asked
/// for.
const MAX_DELTA_BYTES: usize = 64 * 1024 * 1024;

type Step = (Option<u64>, u64);

/// One run of another member.
pub(super) struct Peer {
    whose: Arc<MemberRun>,
    /// The clock here, which has taken in the time of each message before it is applied.
    clock: Arc<Clock>,
    replica: Replica,
    /// The longest list that is taken.
    list_bytes: usize,
    /// The revision that the replica is at; none until it is complete for the first time.
    at: Option<u64>,
    phase: Phase,
    /// Nothing more is expected from it: it has said goodbye, or another run has taken its place.
    ended: bool,
    /// When it was heard last.
    heard: Instant,
    deltas: Assembly<Step>,
    /// Steps that wait for the one that is being applied, or for an answer.
    waiting: VecDeque<Body>,
    waiting_bytes: usize,
    /// Dropped after the replica: clients are not shown half a step.
    applying: Option<Applying>,
    sync: Option<Sync>,
    /// Between questions for servers that were left out.
    pause: Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    Held { until: Instant },
    Kept { until: Instant },
}

impl Peer {
    /// A run that has been heard for the first time. `list_bytes` is the longest list that is taken.
    pub(super) fn new(
        whose: Arc<MemberRun>,
        registry: &Arc<Registry>,
        list_bytes: usize,
        now: Instant,
    ) -> Self {
        Self {
            replica: registry.replica(whose.clone()),
            clock: registry.clock().clone(),
            whose,
            list_bytes,
            at: None,
            phase: Phase::Live,
            ended: false,
            heard: now,
            deltas: Assembly::new(MAX_WAITING_BYTES),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            applying: None,
            sync: None,
            pause: Pause::new(),
        }
    }

    /// It is not heard, but others hold it, and are asked for it now.
    pub(super) fn is_held_by_others(&mut self, until: Instant, now: Instant) {
        self.phase = Phase::Held { until };
        self.ended = true;
        self.ask(Why::Hold, now);
    }

    /// The longest list that is taken from now on.
    pub(super) fn set_list_bytes(&mut self, most: usize) {
        self.list_bytes = most;
    }

    pub(super) fn whose(&self) -> &Arc<MemberRun> {
        &self.whose
    }

    pub(super) fn replica(&self) -> &Replica {
        &self.replica
    }

    /// How many bytes of changes wait to be applied, or for their next piece.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes + self.deltas.held()
    }

    pub(super) fn at(&self) -> Option<u64> {
        self.at
    }

    /// What it has stated up to a revision; none while it is not known, or a step is being applied.
    pub(super) fn stated(&self) -> Option<(u64, &Replica)> {
        let at = self.at.filter(|_| self.applying.is_none())?;
        Some((at, &self.replica))
    }

    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Live if self.is_level() => State::Heard,
            Phase::Live => State::Syncing,
            Phase::Held { .. } => State::Held,
            Phase::Kept { .. } => State::Kept,
        }
    }

    /// Whether all is applied that has arrived, and nothing is known to be missing.
    pub(super) fn is_level(&self) -> bool {
        let lacks = self.sync.as_ref().is_some_and(|sync| !sync.is_for_room());
        self.at.is_some() && !lacks && self.applying.is_none()
    }

    /// Whether changes that arrive have to wait for an answer.
    fn waits_for_answer(&self) -> bool {
        self.sync.as_ref().is_some_and(Sync::holds_up_changes)
    }

    /// Whether it is silent, and until when its servers stay.
    pub(super) fn stays_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Live => None,
            Phase::Held { until } | Phase::Kept { until } => Some(until),
        }
    }

    /// It has said something, so it is there.
    pub(super) fn speaks(&mut self, now: Instant) {
        self.heard = now;
        self.ended = false;
        self.phase = Phase::Live;
    }

    /// It is silent: its servers stay until then.
    pub(super) fn hold(&mut self, until: Instant) {
        self.phase = Phase::Held { until };
        self.rest();
    }

    /// It is silent because this node is cut off.
    pub(super) fn keep(&mut self, until: Instant) {
        self.phase = Phase::Kept { until };
        self.rest();
    }

    /// It says nothing more, and its servers stay until then.
    pub(super) fn end(&mut self, until: Instant) {
        self.ended = true;
        self.hold(until);
    }

    /// There is nobody to ask.
    fn rest(&mut self) {
        self.sync = None;
    }

    /// It is at this revision, as its beat says. Returns whether changes are missing.
    pub(super) fn is_at(&mut self, at: u64, now: Instant, random: f64) -> bool {
        if self.is_busy() || self.waits_for_answer() {
            return false;
        }
        if self.at.is_none_or(|ours| ours < at) {
            return self.lacks(now, random);
        }
        self.mind_room(now, random);
        false
    }

    /// Whether steps have arrived that are not applied yet.
    fn is_busy(&self) -> bool {
        self.applying.is_some() || !self.waiting.is_empty()
    }

    /// Asks for servers that were left out when there is room for some.
    fn mind_room(&mut self, now: Instant, random: f64) {
        if !self.replica.is_incomplete() {
            self.pause.reset();
        } else if self.sync.is_none()
            && self.replica.wants_snapshot()
            && self.pause.is_over(now, random)
        {
            self.ask(Why::Room, now + SPREAD.mul_f64(random));
        }
    }

    /// Asks for what is missing after a while, for the first time at once. Returns whether it is
    /// changes that are missing, and not all.
    fn lacks(&mut self, now: Instant, random: f64) -> bool {
        if self.phase != Phase::Live {
            return false;
        }
        match self.at {
            None => self.ask(Why::New, now),
            Some(_) => self.ask(Why::Gap, now + SPREAD.mul_f64(random)),
        }
        self.at.is_some()
    }

    /// Asks at this time. A silent member is not asked.
    fn ask(&mut self, why: Why, at: Instant) {
        if self.phase != Phase::Live && why != Why::Hold {
            return;
        }
        self.sync = Some(Sync::new(why, self.list_bytes, at));
    }

    /// When the next turn is due for what it has to apply or to ask.
    pub(super) fn wants(&self, now: Instant) -> Option<Instant> {
        match self.has_work() {
            true => Some(now),
            false => self.due(),
        }
    }

    /// When it wants to be asked for a [`question`](Self::question) again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sync.as_ref().map(Sync::due)
    }

    /// What to ask now, if anything, under the number `id`.
    pub(super) fn question(&mut self, now: Instant, id: u64, random: f64) -> Option<Question> {
        let sync = self.sync.as_mut().filter(|_| self.applying.is_none())?;
        if sync.is_late(now) {
            self.not_known(now, random);
            return None;
        }
        sync.question(self.at, now, id)
    }

    /// Whether it waits for the answer to this question.
    pub(super) fn asked(&self, question: u64) -> bool {
        self.sync.as_ref().is_some_and(|sync| sync.asked(question))
    }

    /// A piece of the answer has arrived.
    ///
    /// # Errors
    /// When its body is malformed.
    pub(super) fn answer(
        &mut self,
        part: Part,
        now: Instant,
        random: f64,
    ) -> Result<(), DecodeError> {
        let Some(sync) = &mut self.sync else {
            return Ok(());
        };
        let (from, to) = (part.from, part.to);
        let bytes = match sync.take((from, to), part.piece, now) {
            Assembled::Whole(bytes) => bytes,
            Assembled::Waits => return Ok(()),
            Assembled::Gap | Assembled::TooLong => {
                self.not_known(now, random);
                return Ok(());
            }
        };
        let anew = sync.is_for_room() && from.is_none() && self.at == Some(to);
        let body = Body {
            from,
            to,
            bytes,
            most: self.list_bytes,
        };
        let applies = match self.fits(&body) {
            Fits::Apply => true,
            Fits::Known => anew,
            // It answers what was not asked.
            Fits::Gap => {
                self.at = None;
                self.not_known(now, random);
                return Ok(());
            }
        };
        self.sync = None;
        // Only if nothing is missing, a step can be under way.
        match applies && self.applying.is_none() {
            true => self.begin(&body, now),
            false => Ok(()),
        }
    }

    /// The member asked does not know this run, or has not answered: it is asked once more after a
    /// pause, unless nothing is missing.
    pub(super) fn not_known(&mut self, now: Instant, random: f64) {
        match &mut self.sync {
            Some(sync) if !sync.is_for_room() => sync.again(now, random),
            _ => self.sync = None,
        }
    }
}

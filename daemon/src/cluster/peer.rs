//! One run of another member, as this node follows it: what it has stated, and how it stands.
//!
//! ```text
//!  new ──▶ Syncing ──answer──▶ Heard ──gap──▶ Syncing (keeps what it has meanwhile)
//!  any ──silence, leaving, another run──▶ Held (Kept while we are cut off) ──until──▶ gone
//!  Held, Kept ──message of the same run──▶ Heard or Syncing
//! ```

mod asking;

pub(super) use asking::Question;

use super::{State, Why};
use asking::Sync;
use bytes::Bytes;
use metaserve::{
    list::{Clock, MemberRun, Stated},
    protocol::{
        cluster::{Assembled, Assembly, Changes, Part},
        codec::DecodeError,
    },
    registry::{Registry, Replica},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

/// The longest time between two questions for the same list.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The first question after a gap waits for up to so long, so that not all that have the same gap
/// ask at once.
const SPREAD: Duration = Duration::from_millis(500);

/// The most bytes of changes that wait for an answer, and of pieces that wait for the next one.
pub(super) const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// How many items are applied in one go.
const CHUNK: usize = 256;

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
    applying: Option<Applying>,
    sync: Option<Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    Held { until: Instant },
    Kept { until: Instant },
}

/// A step that is complete.
#[derive(Debug)]
struct Body {
    from: Option<u64>,
    to: u64,
    bytes: Bytes,
    /// How long it may be when it is unpacked.
    most: usize,
}

/// A step that is being applied.
struct Applying {
    to: u64,
    changes: Changes,
    /// The servers of a snapshot so far: the others leave at its end.
    snapshot: Option<HashSet<u64>>,
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
        self.at.is_some() && self.sync.is_none() && self.applying.is_none()
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
        let lacks = self.at.is_none_or(|ours| ours < at);
        if !lacks || !self.waiting.is_empty() || self.applying.is_some() || self.sync.is_some() {
            return false;
        }
        self.lacks(now, random)
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

    /// A piece of a change has arrived. Returns whether changes are missing.
    ///
    /// # Errors
    /// When its body is malformed.
    pub(super) fn delta(
        &mut self,
        part: Part,
        now: Instant,
        random: f64,
    ) -> Result<bool, DecodeError> {
        if part.from.is_none() {
            return Err(DecodeError::Malformed("a whole list that nobody asked for"));
        }
        match self.deltas.take(&(part.from, part.to), part.piece) {
            Assembled::Whole(bytes) => {
                let body = Body {
                    from: part.from,
                    to: part.to,
                    bytes,
                    most: MAX_DELTA_BYTES.min(self.list_bytes),
                };
                self.step(body, now, random)
            }
            Assembled::Waits => Ok(false),
            Assembled::Gap | Assembled::TooLong if self.sync.is_some() => Ok(false),
            Assembled::Gap | Assembled::TooLong => Ok(self.lacks(now, random)),
        }
    }

    fn step(&mut self, body: Body, now: Instant, random: f64) -> Result<bool, DecodeError> {
        if self.sync.is_some() || self.applying.is_some() {
            self.waiting_bytes += body.bytes.len();
            self.waiting.push_back(body);
            if self.waiting_bytes > MAX_WAITING_BYTES {
                self.forget_waiting();
                self.ask(Why::Overflow, now + SPREAD.mul_f64(random));
            }
            return Ok(false);
        }
        match self.fits(&body) {
            Fits::Apply => self.begin(&body, now).map(|()| false),
            Fits::Known => Ok(false),
            // What was said before the first answer is in that answer.
            Fits::Gap => Ok(self.lacks(now, random)),
        }
    }

    fn forget_waiting(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
    }

    fn fits(&self, body: &Body) -> Fits {
        match (self.at, body.from) {
            (Some(at), _) if body.to <= at => Fits::Known,
            (_, None) => Fits::Apply,
            (Some(at), Some(from)) if from <= at => Fits::Apply,
            _ => Fits::Gap,
        }
    }

    fn begin(&mut self, body: &Body, now: Instant) -> Result<(), DecodeError> {
        let changes = match Changes::read(&body.bytes, body.most) {
            Err(DecodeError::OverLimit) if body.most < self.list_bytes => {
                self.forget_waiting();
                self.ask(Why::Overflow, now + SPREAD);
                return Ok(());
            }
            read => read.inspect_err(|_| self.spoilt(now))?,
        };
        self.applying = Some(Applying {
            to: body.to,
            changes,
            snapshot: body.from.is_none().then(HashSet::new),
        });
        self.work(now)
    }

    /// What it has stated cannot be trusted to be complete.
    fn spoilt(&mut self, now: Instant) {
        self.at = None;
        self.forget_waiting();
        self.ask(Why::Again, now + LONGEST_PAUSE);
    }

    /// Whether there is something to apply.
    pub(super) fn has_work(&self) -> bool {
        self.applying.is_some() || self.sync.is_none() && !self.waiting.is_empty()
    }

    /// Applies some of what has arrived.
    ///
    /// # Errors
    /// When it is malformed: then everything is asked for again.
    pub(super) fn work(&mut self, now: Instant) -> Result<(), DecodeError> {
        let Some(mut applying) = self.applying.take() else {
            return self.next_waiting(now);
        };
        let chunk = applying.changes.next(CHUNK).and_then(|chunk| {
            self.believes(&chunk.listed)?;
            Ok(chunk)
        });
        let chunk = chunk.inspect_err(|_| self.spoilt(now))?;
        if let Some(present) = &mut applying.snapshot {
            present.extend(chunk.listed.iter().map(|server| server.number));
        }
        self.replica
            .delta(&chunk.removed, chunk.listed, chunk.updated);
        if !applying.changes.is_done() {
            self.applying = Some(applying);
            return Ok(());
        }
        if let Some(present) = applying.snapshot {
            self.replica.retain(|number| present.contains(&number));
        }
        self.at = Some(applying.to);
        Ok(())
    }

    /// No claim is later than the message that states it: it would win against those drawn here.
    fn believes(&self, listed: &[Stated]) -> Result<(), DecodeError> {
        let latest = self.clock.now();
        let mut all = listed.iter();
        match all.all(|server| server.claims.greatest().stamp() <= latest) {
            true => Ok(()),
            false => Err(DecodeError::Malformed("a claim later than its message")),
        }
    }

    /// Begins with the next step that waits.
    fn next_waiting(&mut self, now: Instant) -> Result<(), DecodeError> {
        if self.sync.is_some() {
            return Ok(());
        }
        let Some(body) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.waiting_bytes -= body.bytes.len();
        match self.fits(&body) {
            Fits::Apply => self.begin(&body, now),
            Fits::Known => Ok(()),
            Fits::Gap => {
                self.forget_waiting();
                self.ask(Why::Gap, now);
                Ok(())
            }
        }
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
        let known = self.at;
        self.sync.as_mut()?.question(known, now, id, random)
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
        match sync.take((from, to), part.piece, now) {
            Assembled::Whole(bytes) => {
                let most = self.list_bytes;
                let body = Body {
                    from,
                    to,
                    bytes,
                    most,
                };
                match self.fits(&body) {
                    Fits::Apply => {
                        self.sync = None;
                        self.begin(&body, now)
                    }
                    Fits::Known => {
                        self.sync = None;
                        Ok(())
                    }
                    // It answers what was not asked.
                    Fits::Gap => {
                        self.at = None;
                        self.not_known(now, random);
                        Ok(())
                    }
                }
            }
            Assembled::Waits => Ok(()),
            Assembled::Gap | Assembled::TooLong => {
                sync.again(now, random);
                Ok(())
            }
        }
    }

    /// The member asked does not know this run.
    pub(super) fn not_known(&mut self, now: Instant, random: f64) {
        if let Some(sync) = &mut self.sync {
            sync.again(now, random);
        }
    }
}

enum Fits {
    Apply,
    /// It has been applied already.
    Known,
    /// Something before it is missing.
    Gap,
}

//! The steps that a member states: applied in their order, and asked for when one is missing.

use super::{Applying, LONGEST_PAUSE, MAX_DELTA_BYTES, MAX_WAITING_BYTES, Peer, SPREAD, Why};
use bytes::Bytes;
use metaserve::protocol::{
    cluster::{Assembled, Changes, Part},
    codec::DecodeError,
};
use std::{collections::VecDeque, time::Instant};

/// A step that is complete.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) from: Option<u64>,
    pub(super) to: u64,
    pub(super) bytes: Bytes,
    /// How long it may be when it is unpacked.
    pub(super) most: usize,
}

/// Whether a step can be applied.
pub(super) enum Fits {
    Apply,
    /// It has been applied already.
    Known,
    /// Something before it is missing.
    Gap,
}

impl Peer {
    /// A piece of a change has arrived. Returns whether changes are missing.
    ///
    /// # Errors
    /// When its body is malformed.
    pub(in crate::cluster) fn delta(
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
            Assembled::Gap | Assembled::TooLong if self.waits_for_answer() => Ok(false),
            Assembled::Gap | Assembled::TooLong => Ok(self.lacks(now, random)),
        }
    }

    fn step(&mut self, body: Body, now: Instant, random: f64) -> Result<bool, DecodeError> {
        if self.is_busy() || self.waits_for_answer() {
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

    pub(super) fn fits(&self, body: &Body) -> Fits {
        match (self.at, body.from) {
            (Some(at), _) if body.to <= at => Fits::Known,
            (_, None) => Fits::Apply,
            (Some(at), Some(from)) if from <= at => Fits::Apply,
            _ => Fits::Gap,
        }
    }

    pub(super) fn begin(&mut self, body: &Body, now: Instant) -> Result<(), DecodeError> {
        let changes = match Changes::read(&body.bytes, body.most) {
            Err(DecodeError::OverLimit) if body.most < self.list_bytes => {
                self.forget_waiting();
                self.ask(Why::Overflow, now + SPREAD);
                return Ok(());
            }
            read => read.inspect_err(|_| self.spoilt(now))?,
        };
        let is_snapshot = body.from.is_none();
        let applying = Applying::new(body.to, is_snapshot, changes, &self.replica);
        self.applying = Some(applying);
        self.work(now)
    }

    /// What it has stated cannot be trusted to be complete.
    fn spoilt(&mut self, now: Instant) {
        self.at = None;
        self.forget_waiting();
        self.ask(Why::Again, now + LONGEST_PAUSE);
    }

    /// Whether there is something to apply.
    pub(in crate::cluster) fn has_work(&self) -> bool {
        self.applying.is_some() || !self.waits_for_answer() && !self.waiting.is_empty()
    }

    /// Applies some of what has arrived.
    ///
    /// # Errors
    /// When it is malformed: then everything is asked for again.
    pub(in crate::cluster) fn work(&mut self, now: Instant) -> Result<(), DecodeError> {
        let Some(mut applying) = self.applying.take() else {
            return self.next_waiting(now);
        };
        let done = applying.go_on(&mut self.replica, self.clock.now());
        match done.inspect_err(|_| self.spoilt(now))? {
            true => self.at = Some(applying.to()),
            false => self.applying = Some(applying),
        }
        Ok(())
    }

    /// Begins with the next step that waits.
    fn next_waiting(&mut self, now: Instant) -> Result<(), DecodeError> {
        if self.waits_for_answer() {
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
}

//! A step that is being applied: piece by piece, but shown at once.

use metaserve::{
    list::Stamp,
    protocol::{
        cluster::{Changes, Chunk},
        codec::DecodeError,
    },
    registry::{Replica, Together},
};
use std::collections::HashSet;

/// How many items are read or applied in one go.
const CHUNK: usize = 256;

/// A step that is complete, on its way into the list.
pub(super) struct Applying {
    to: u64,
    is_snapshot: bool,
    changes: Changes,
    stage: Stage,
}

enum Stage {
    /// It is read to its end before anything is applied, so that a malformed step changes nothing.
    Reads(Reading),
    /// It is applied, and clients are shown it when that is done.
    Applies { gone: Vec<u64>, _together: Together },
}

struct Reading {
    rest: Changes,
    /// Nothing has been read yet.
    first: bool,
    /// The servers that are not in the snapshot, as far as it has been read.
    gone: HashSet<u64>,
}

impl Applying {
    /// Begins with a step to the revision `to`.
    pub(super) fn new(to: u64, is_snapshot: bool, changes: Changes, replica: &Replica) -> Self {
        let gone = match is_snapshot {
            true => replica.numbers(),
            false => HashSet::new(),
        };
        let reading = Reading {
            rest: changes.clone(),
            first: true,
            gone,
        };
        Self {
            to,
            is_snapshot,
            changes,
            stage: Stage::Reads(reading),
        }
    }

    /// The revision of the list after this step.
    pub(super) fn to(&self) -> u64 {
        self.to
    }

    /// Goes on for a while. Returns whether the whole step is applied now. The claims in it are not
    /// later than `latest`, the time of the message that states them: a later one would win against
    /// those drawn here.
    ///
    /// # Errors
    /// When it is malformed: then nothing of it is applied.
    pub(super) fn go_on(
        &mut self,
        replica: &mut Replica,
        latest: Stamp,
    ) -> Result<bool, DecodeError> {
        match &mut self.stage {
            Stage::Reads(reading) => {
                let chunk = reading.next(latest)?;
                if !reading.rest.is_done() {
                    return Ok(false);
                }
                let gone = &mut reading.gone;
                if let Some(mut chunk) = chunk.filter(|_| gone.len() <= CHUNK) {
                    chunk.removed.extend(gone.drain());
                    self.begin_anew(replica);
                    replica.delta(&chunk.removed, chunk.listed, chunk.updated);
                    return Ok(true);
                }
                let Some(together) = replica.together() else {
                    return Ok(false);
                };
                let gone = Vec::from_iter(std::mem::take(gone));
                self.begin_anew(replica);
                self.stage = Stage::Applies {
                    gone,
                    _together: together,
                };
                Ok(false)
            }
            // What goes makes room for what comes.
            Stage::Applies { gone, .. } if !gone.is_empty() => {
                let some = gone.split_off(gone.len().saturating_sub(CHUNK));
                replica.delta(&some, Vec::new(), Vec::new());
                Ok(gone.is_empty() && self.changes.is_done())
            }
            Stage::Applies { .. } => {
                let chunk = self.changes.next(CHUNK)?;
                replica.delta(&chunk.removed, chunk.listed, chunk.updated);
                Ok(self.changes.is_done())
            }
        }
    }

    fn begin_anew(&self, replica: &mut Replica) {
        if self.is_snapshot {
            replica.begin_anew();
        }
    }
}

impl Reading {
    /// Reads on. Returns the whole step if it is short.
    fn next(&mut self, latest: Stamp) -> Result<Option<Chunk>, DecodeError> {
        let chunk = self.rest.next(CHUNK)?;
        for server in &chunk.listed {
            if server.claims.greatest().stamp() > latest {
                return Err(DecodeError::Malformed("a claim later than its message"));
            }
            self.gone.remove(&server.number);
        }
        let first = std::mem::replace(&mut self.first, false);
        Ok((first && self.rest.is_done()).then_some(chunk))
    }
}

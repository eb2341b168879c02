//! What kinds of frames there are, and how many of each were made.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a frame is to the clients that get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole list.
    Snapshot,
    /// What one tick has changed, for clients that follow closely.
    Delta,
    /// All that a client has missed that was late or away.
    CatchUp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Snapshot, Self::Delta, Self::CatchUp];

    /// The kind's name in metrics, such as `catch_up`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
            Self::CatchUp => "catch_up",
        }
    }
}

/// How a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As game clients read it.
    Wire,
    /// As a server-sent event.
    Event,
}

/// How often frames were encoded, by form and kind.
#[derive(Debug, Default)]
pub(super) struct Encoded([[AtomicU64; Kind::ALL.len()]; 2]);

impl Encoded {
    pub(super) fn count(&self, form: Form, kind: Kind) {
        self.0[form as usize][kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, form: Form, kind: Kind) -> u64 {
        self.0[form as usize][kind as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_metrics_are() {
        let names = Kind::ALL.map(Kind::name);
        assert_eq!(names, ["snapshot", "delta", "catch_up"]);
    }
}

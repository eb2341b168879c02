//! Tells the operator when places run out: one log line now and then, however many peers come.

use std::time::{Duration, Instant};

/// The least time between two log lines that say that places run out.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Counts of refused and replaced newcomers since the last log line.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// The purpose of the places, in words that the operator knows.
    name: &'static str,
    told: Option<Instant>,
    refused: u64,
    replaced: u64,
}

impl Crowd {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            told: None,
            refused: 0,
            replaced: 0,
        }
    }

    /// Records that a connection was refused one of this many places.
    pub(crate) fn refused(&mut self, places: usize, why: &str, now: Instant) {
        self.refused += 1;
        self.tell(places, why, now);
    }

    /// Records that a connection lost one of this many places to another one.
    pub(crate) fn replaced(&mut self, places: usize, now: Instant) {
        self.replaced += 1;
        self.tell(places, "a connection made room for another address", now);
    }

    fn tell(&mut self, places: usize, why: &str, now: Instant) {
        if self.told.is_some_and(|told| now < told + TELL_EVERY) {
            return;
        }
        self.told = Some(now);
        let (entrance, refused, replaced) = (self.name, self.refused, self.replaced);
        (self.refused, self.replaced) = (0, 0);
        tracing::warn!(
            entrance,
            places,
            refused,
            replaced,
            "connections were closed to keep places for others: {why}"
        );
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_logged_at_once_and_then_once_in_a_while() {
        let (mut crowd, start) = (Crowd::new("test"), Instant::now());
        crowd.replaced(4, start);
        for second in 0..10 {
            crowd.refused(4, "all are taken", start + Duration::from_secs(second));
        }
        assert_eq!(
            (crowd.refused, crowd.replaced),
            (10, 0),
            "one line was written"
        );
        crowd.replaced(4, start + TELL_EVERY);
        assert_eq!((crowd.refused, crowd.replaced), (0, 0), "and a second one");
    }
}

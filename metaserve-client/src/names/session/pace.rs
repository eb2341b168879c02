//! How fast a session speaks.

use metaserve::bounds::Bucket;
use std::time::{Duration, Instant};

/// How many messages are sent per second and at once: somewhat less than a daemon with the default
/// limits reads. What is due meanwhile waits, and only the newest value of a claim is sent.
const PER_SECOND: f64 = 800.0;
const AT_ONCE: f64 = 20_000.0;

/// The pace of all connections, one after the other: slower each time that a daemon, whose limits may
/// be lower, has found it too fast.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    at_once: f64,
    /// How many messages were sent over this connection.
    sent: f64,
    allowance: Bucket,
    /// When more may be said, if everything has been said that may be said now.
    resumes: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            per_second: PER_SECOND,
            at_once: AT_ONCE,
            sent: 0.0,
            allowance: Bucket::default(),
            resumes: None,
        }
    }
}

impl Pace {
    /// There is another connection.
    pub(super) fn anew(&mut self) {
        (self.sent, self.allowance, self.resumes) = (0.0, Bucket::default(), None);
    }

    /// Whether another message may be sent now.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if self.resumes.is_some_and(|resumes| now < resumes) {
            return false;
        }
        self.resumes = None;
        let allows = self.allowance.spend(now, self.per_second, self.at_once);
        match allows {
            true => self.sent += 1.0,
            false => self.resumes = Some(now + Duration::from_secs_f64(1.0 / self.per_second)),
        }
        allows
    }

    pub(super) const fn resumes(&self) -> Option<Instant> {
        self.resumes
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.resumes = self.resumes.filter(|resumes| now < *resumes);
    }

    /// The daemon has closed the connection since it was told too much.
    pub(super) fn slow_down(&mut self) {
        self.per_second = (self.per_second / 2.0).max(1.0);
        self.at_once = (self.at_once.min(self.sent) / 2.0).max(1.0);
    }
}

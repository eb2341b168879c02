//! The time of day, as the owners of zones and the scheduler read it.

use crate::object::Millis;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Reads the time of day. Whoever has a clock passes `now` on; nothing below reads one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub(crate) fn system() -> Self {
        Self(Arc::new(|| {
            #[expect(clippy::disallowed_methods, reason = "the edge reads the clock")]
            let now = SystemTime::now();
            now.duration_since(UNIX_EPOCH).map_or(0, millis)
        }))
    }

    /// One that goes as tokio's does, which tests can stop.
    #[cfg(test)]
    pub(crate) fn of_tokio() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the edge reads the clock")]
        let began = tokio::time::Instant::now();
        Self(Arc::new(move || 1_000_000 + millis(began.elapsed())))
    }

    pub(crate) fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// A time in milliseconds.
pub(crate) fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}

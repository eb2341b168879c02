//! The clock: the one place that reads it and waits for it. What is pure is given the time.

use std::time::{Duration, Instant, SystemTime};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a game shows that it is alive: every 5 s, so that a NAT keeps the path and the
/// daemon's idle timeout (15 s by default) survives the loss of two keep-alives. Only this side
/// sends them: if both did, each would restart the other's timer and a death be found late.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// After how much silence a game takes the daemon for gone, at most: 60 s. The shorter of both
/// ends' timeouts holds, so that it is the daemon's (15 s by default) that decides.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// This moment, by the clock that timers go by: in tests with paused time, tokio's.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// This moment, by the clock on the wall, by which bans and certificates end. It may jump.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Waits until `due`; without one, for ever. Cancel-safe.
pub async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Ticks at once and then in every `period`. A tick that comes late moves the next ones, so that
/// there is always a whole period between two.
///
/// # Panics
/// When `period` is zero.
#[must_use]
pub fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_tick_is_followed_by_a_whole_period() {
        const SECOND: Duration = Duration::from_secs(1);
        let mut ticks = every(SECOND);
        let start = now();
        ticks.tick().await;
        assert_eq!(now(), start);
        tokio::time::sleep(SECOND * 5 / 2).await;
        ticks.tick().await;
        let late = now();
        ticks.tick().await;
        assert_eq!(now() - late, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_moment_there_is_nothing_to_wait_for() {
        let start = now();
        sleep_until(Some(start + Duration::from_secs(1))).await;
        assert_eq!(now() - start, Duration::from_secs(1));
        let waited = tokio::time::timeout(Duration::from_secs(3_600), sleep_until(None)).await;
        assert!(waited.is_err());
    }
}

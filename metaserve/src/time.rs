//! The clock. Only this module reads it and waits for it; pure code is given the time.

use std::time::{Duration, Instant, SystemTime};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a game sends a keep-alive: every 5 s, so that a NAT keeps its mapping, and a
/// connection survives the loss of two keep-alives within the daemon's idle timeout (15 s by
/// default). Only games send them: if both sides did, each would restart the other's timer, and a
/// dead peer would be noticed late.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The longest silence after which a game considers the daemon gone: 60 s. QUIC uses the shorter
/// timeout of the two ends, so usually the daemon's (15 s by default) applies.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The current instant, by the clock of timers: in tests with paused time, tokio's.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock"
)]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall-clock time, by which bans and certificates expire. It may jump.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock"
)]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Waits until `due`, or forever if it is `None`. Cancel-safe.
///
/// The timer is boxed: most connections wait for nothing, and should not keep memory for one.
pub async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => Box::pin(tokio::time::sleep_until(due.into())).await,
        None => std::future::pending().await,
    }
}

/// Ticks at once and then every `period`. A late tick delays the next ones, so that there is
/// always a whole period between two.
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
    async fn without_a_due_time_the_wait_never_ends() {
        let start = now();
        sleep_until(Some(start + Duration::from_secs(1))).await;
        assert_eq!(now() - start, Duration::from_secs(1));
        let waited = tokio::time::timeout(Duration::from_secs(3_600), sleep_until(None)).await;
        assert!(waited.is_err());
    }
}

//! Asks the log until it answers.

use crate::{ids::ZoneId, log::LogError};
use metaserve::{Backoff, Retry};
use std::time::Duration;
use tokio::time::sleep;

/// Asks for as long as the log is away or takes nothing; says so once, and once more when it is
/// there again. Cancel-safe if what it asks is.
///
/// # Errors
/// All others of the log.
pub(super) async fn patiently<T, F>(zone: &ZoneId, ask: impl Fn() -> F) -> Result<T, LogError>
where
    F: Future<Output = Result<T, LogError>>,
{
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    let mut waits = false;
    loop {
        match ask().await {
            Err(error @ (LogError::Away(_) | LogError::Refuses(_))) => {
                if !waits {
                    tracing::warn!(%zone, "the zone stands still: {error}");
                }
                waits = true;
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
            answer => {
                if waits {
                    tracing::info!(%zone, "the log answers again: the zone goes on");
                }
                return answer;
            }
        }
    }
}

//! How old the list is that a game shows.

use metaserve::time::now;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Whether the list is followed and, if it is not, since when. A game asks this to show how old
/// its list is. It comes from [`Snapshots::freshness`](crate::Snapshots::freshness), and is cheap to
/// clone: any task or thread may keep one.
///
/// A daemon that says goodbye is lost at once, one that vanishes within its idle timeout (15 s by
/// default).
///
/// ```no_run
/// # fn example(list: metaserve_client::Snapshots) {
/// let freshness = list.freshness();
/// match freshness.stale_for() {
///     None => println!("the list is live"),
///     Some(age) => println!("the list is {} s old", age.as_secs()),
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Freshness(Arc<Mutex<Option<Instant>>>);

impl Freshness {
    /// Of a list that has not come yet.
    pub(crate) fn stale() -> Self {
        Self(Arc::new(Mutex::new(Some(now()))))
    }

    /// Since when the newest snapshot may be out of date: since the connection to the daemon was
    /// lost. Before the first list has come, since the list was asked for. None while it is
    /// followed.
    #[must_use]
    pub fn stale_since(&self) -> Option<Instant> {
        *self.since()
    }

    /// For how long the newest snapshot may be out of date, as
    /// [`stale_since`](Self::stale_since) says.
    #[must_use]
    pub fn stale_for(&self) -> Option<Duration> {
        let since = self.stale_since()?;
        Some(now().saturating_duration_since(since))
    }

    /// The list is followed.
    pub(crate) fn live(&self) {
        *self.since() = None;
    }

    /// The list is not followed any longer.
    pub(crate) fn lost(&self) {
        self.since().get_or_insert_with(now);
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_list_ages_from_its_loss_to_its_return() {
        const SECOND: Duration = Duration::from_secs(1);
        let freshness = Freshness::stale();
        tokio::time::advance(SECOND).await;
        assert_eq!(freshness.stale_for(), Some(SECOND), "it has not come yet");
        freshness.live();
        assert_eq!(freshness.stale_since(), None);
        tokio::time::advance(SECOND).await;
        freshness.lost();
        tokio::time::advance(SECOND).await;
        // A failed attempt to connect again.
        freshness.lost();
        tokio::time::advance(SECOND).await;
        assert_eq!(freshness.stale_for(), Some(2 * SECOND));
    }
}

//! What the handlers of all requests share.

use super::announce::Announced;
use crate::{admission::Seats, cluster::Seen, shared::Shared};
use metaserve::announce::Problem;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Web {
    pub(super) shared: Arc<Shared>,
    pub(super) closing: CancellationToken,
    /// Answers are built one at a time, outside the thread that serves games.
    pub(super) making: Arc<Semaphore>,
    /// Places for listeners to events.
    pub(super) listeners: Seats,
    pub(super) announced: Arc<Announced>,
}

impl Web {
    pub(crate) fn new(shared: Arc<Shared>, closing: CancellationToken) -> Self {
        Self {
            listeners: Seats::default(),
            announced: Arc::new(Announced::new(shared.registry.clone())),
            shared,
            closing,
            making: Arc::new(Semaphore::new(1)),
        }
    }

    /// The other members of the cluster, if there is one. Refused while the list is not complete.
    pub(super) fn listed(&self) -> Result<Option<Arc<Seen>>, Problem> {
        if !self.shared.is_joined() {
            return Err(Problem::for_now(
                5,
                "joining: the list is not complete yet; try again in some seconds",
            ));
        }
        Ok(self.shared.cluster.as_ref().map(|cluster| cluster.seen()))
    }
}

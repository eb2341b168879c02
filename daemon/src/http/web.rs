//! What the handlers of all requests share.

use crate::{admission::Seats, shared::Shared};
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
}

impl Web {
    pub(crate) fn new(shared: Arc<Shared>, closing: CancellationToken) -> Self {
        Self {
            listeners: Seats::default(),
            shared,
            closing,
            making: Arc::new(Semaphore::new(1)),
        }
    }
}

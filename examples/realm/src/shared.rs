//! What all roles of a process share.

use crate::{keeper::Keeper, log::Log, tickets::Tickets};
use bytes::Bytes;
use metaserve_client::names::Names;
use std::{fmt, sync::Arc};

/// What every role but the accounts needs.
#[derive(Clone)]
pub struct Shared {
    /// Where commands, zones and their outputs are.
    pub log: Arc<dyn Log>,
    /// Claims, offers, and the way to their owners.
    pub names: Names,
    /// Checks players' tickets.
    pub tickets: Tickets,
    /// Loads what the log does not know.
    pub keeper: Arc<dyn Keeper>,
    /// The ticket of this role: for claims, offers and starts, if the daemon asks for one, and for
    /// the keeper. Secret.
    pub ticket: Bytes,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("log", &self.log)
            .field("keeper", &self.keeper)
            .finish_non_exhaustive()
    }
}

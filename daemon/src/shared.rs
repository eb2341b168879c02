//! What all tasks of a daemon share.

use crate::{
    admission::Admission,
    metrics::{BannedAt, Metrics},
    rules::{Certificates, Rules, banned_close},
    settings::Settings,
    whereabouts::Whereabouts,
};
use metaserve::{Close, feed::Feeds, registry::Registry};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::sync::watch;

/// What every connection's task needs.
pub(crate) struct Shared {
    pub(crate) endpoint: quinn::Endpoint,
    pub(crate) certificates: Certificates,
    pub(crate) registry: Arc<Registry>,
    pub(crate) feeds: Arc<Feeds>,
    /// As it was started. What may change since is in the rules.
    pub(crate) settings: Settings,
    pub(crate) rules: watch::Sender<Arc<Rules>>,
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
    pub(crate) whereabouts: Whereabouts,
}

impl Shared {
    /// Ends when a worker has a turn to give, and what its tasks share is not locked for ever.
    pub(crate) async fn pass_through_worker(self: Arc<Self>) {
        let pass = async move {
            let _ = (
                self.feeds.of(None).revision(),
                self.endpoint.open_connections(),
            );
        };
        let _ = tokio::spawn(pass).await;
    }

    /// The address that the daemon is reached at.
    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().unwrap_or(self.settings.listen)
    }

    /// What the daemon does, in one line.
    pub(crate) fn status(&self) -> String {
        let (address, fingerprint) = (self.address(), self.certificates.fingerprint());
        format!("serving on {address} (UDP), certificate {fingerprint}")
    }

    /// The rules of this moment.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.borrow().clone()
    }

    /// Refuses a connection from an address that is banned, and counts it.
    pub(crate) fn not_banned(&self, address: IpAddr) -> Result<(), Close> {
        let Some(ban) = self.rules.borrow().banned(address) else {
            return Ok(());
        };
        self.metrics.banned(BannedAt::Connection);
        Err(banned_close(ban))
    }
}

//! Publishes the bridge's listings to a daemon, over one relay connection at a time.

use metaserve::{ConnectError, Identity, Trust};
use metaserve_heartbeat::{RelayConnector, Status};

use crate::{
    metrics::{Link, Metrics, Purpose},
    publish::Listings,
};

/// The bridge's connection to a daemon. It is made again, or to another one of several, whenever it
/// is lost.
#[derive(Debug)]
pub struct Relay {
    connector: RelayConnector,
    /// The daemons' names, for the log.
    daemon: String,
    metrics: Metrics,
}

impl Relay {
    /// Prepares connections to one of `daemons` (`HOST:PORT`), which have to trust `identity`. Must
    /// be called within a tokio runtime.
    ///
    /// # Errors
    /// A name, the trust or the identity cannot be used, or no UDP socket can be opened.
    pub fn new(
        daemons: &[String],
        trust: &Trust,
        identity: &Identity,
    ) -> Result<Self, ConnectError> {
        let connector = RelayConnector::to_one_of(daemons)
            .trust(trust.clone())
            .identity(identity.clone());
        connector.ready()?;
        let daemon = daemons.join(",");
        Ok(Self {
            connector,
            daemon,
            metrics: Metrics::default(),
        })
    }

    /// Counts the connection in these metrics.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The names of the daemons.
    #[must_use]
    pub fn daemon(&self) -> &str {
        &self.daemon
    }

    /// Keeps the daemon's list equal to `listings`, through losses of the connection, until all
    /// clones of the listings are dropped. Dropping the future removes everything from the list.
    pub async fn run(self, listings: Listings) {
        let Self {
            connector,
            daemon,
            metrics,
        } = &self;
        let mut link = Link::new(metrics.clone(), Purpose::Publish);
        // A closure: the bridge serves its players whatever becomes of the list, so that no error
        // may end this.
        let connect = || async move {
            let connection = connector.connect().await?;
            tracing::info!(daemon, "connected to the daemon");
            Ok::<_, ConnectError>(connection)
        };
        let at = daemon.clone();
        let relay = metaserve_heartbeat::relay(connect)
            .on_notice(|notice| {
                tracing::warn!(kind = ?notice.kind, "notice from the daemon: {}", notice.text);
            })
            .on_status(move |status| {
                link.stands(&status);
                if let Status::Waiting { .. } = status {
                    tracing::warn!(daemon = at, "not connected to the daemon: {status}");
                }
            });
        // No error of a closure ends it, so this ends only with the listings.
        let _ = relay.run(listings.changes()).await;
    }
}

//! Publishes the bridge's listings to the daemon, over one relay connection at a time.

use metaserve::{ConnectError, Connector, Identity, Role, Trust, printable};

use crate::publish::Listings;

/// The bridge's connection to a daemon. It is made again whenever it is lost.
#[derive(Debug)]
pub struct Relay {
    connector: Connector,
    daemon: String,
}

impl Relay {
    /// Prepares connections to `daemon` (`HOST:PORT`), which has to trust `identity`. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// The name, the trust or the identity cannot be used, or no UDP socket can be opened.
    pub fn new(daemon: &str, trust: &Trust, identity: &Identity) -> Result<Self, ConnectError> {
        let connector = Connector::new(Role::Relay, daemon, trust, Some(identity))?;
        let daemon = daemon.to_owned();
        Ok(Self { connector, daemon })
    }

    /// Keeps the daemon's list equal to `listings`, through losses of the connection, until all
    /// clones of the listings are dropped. Dropping the future removes everything from the list.
    pub async fn run(self, listings: &Listings) {
        let Self { connector, daemon } = &self;
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
            .on_retry(move |problem, delay| {
                let problem = printable(&problem.to_string());
                tracing::warn!(daemon = at, "{problem}; connecting again in {delay:.1?}");
            });
        // A daemon never closes a relay for good, so this ends only with the listings.
        let _ = relay.run(listings.changes()).await;
    }
}

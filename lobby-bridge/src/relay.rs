//! Tells the daemon what the bridge lists, over one relay connection after the other.

use metaserve::{ConnectError, Connector, Identity, Role, Trust, printable};

use crate::publish::Listings;

/// The bridge's connection to a daemon, made again whenever it is lost.
#[derive(Debug)]
pub struct Relay {
    connector: Connector,
    daemon: String,
}

impl Relay {
    /// Prepares connections to `daemon` (`HOST:PORT`), which has to trust `identity`. Call it
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// The name, the trust or the identity cannot be used, or there is no UDP socket.
    pub fn new(daemon: &str, trust: &Trust, identity: &Identity) -> Result<Self, ConnectError> {
        let connector = Connector::new(Role::Relay, daemon, trust, Some(identity))?;
        let daemon = daemon.to_owned();
        Ok(Self { connector, daemon })
    }

    /// Keeps the daemon's list as `listings` say, through losses of the connection, until the
    /// listings are dropped everywhere. Dropping the future takes everything off the list.
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
        // No daemon closes a relay for good: it ends with the listings.
        let _ = relay.run(listings.changes()).await;
    }
}

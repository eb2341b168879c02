//! A game server in its own process, for tests that kill it. It publishes one heartbeat until it
//! is killed. Arguments: `HOST:PORT`, the daemon's fingerprint, the heartbeat, and optionally the
//! identity directory. Prints `listed` once the daemon has admitted it.
#![forbid(unsafe_code)]

use futures::StreamExt;
use metaserve_heartbeat::{Connector, Publisher};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [daemon, fingerprint, heartbeat, directory @ ..] = &arguments[..] else {
        anyhow::bail!("HOST:PORT FINGERPRINT HEARTBEAT [IDENTITY-DIRECTORY]");
    };
    let mut connector = Connector::to(daemon).fingerprint(fingerprint);
    if let [directory, ..] = directory {
        connector = connector.identity_in(directory);
    }
    let heartbeats = futures::stream::iter([heartbeat]).chain(futures::stream::pending());
    Publisher::new(connector.connect().await?)
        .run(heartbeats)
        .await?;
    Ok(())
}

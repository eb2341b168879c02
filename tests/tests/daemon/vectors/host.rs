//! A daemon that says what a test tells it to, and our libraries as its peers.

use super::identity;
use futures::{StreamExt, stream};
use metaserve::{
    Backoff, Connector, Game, Identity, Limits, Role, Trust,
    stream::FrameReader,
    tls::{secret::Secret, server::server_config},
    transport,
};
use metaserve_client::Snapshot;
use metaserve_heartbeat::{Change, Listing, Notice, Publisher};
use metaserve_tests::constant;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};

/// The daemon's end, made by hand.
pub(super) struct Host {
    endpoint: quinn::Endpoint,
    trust: Trust,
}

/// One connection of a peer.
pub(super) struct Guest {
    pub(super) connection: quinn::Connection,
    pub(super) out: quinn::SendStream,
    pub(super) reader: FrameReader,
}

impl Host {
    pub(super) fn new() -> anyhow::Result<Self> {
        let identity = identity();
        let secret = Secret::load_or_create(tempfile::tempdir()?.path())?;
        let transport = transport::server(&Limits::default());
        let config = server_config(&identity, &secret, transport, &Role::ALL)?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Self {
            endpoint: quinn::Endpoint::server(config, address)?,
            trust: Trust::Fingerprint(identity.fingerprint()),
        })
    }

    /// The next connection, with the stream on which the peer speaks.
    pub(super) async fn accept(&self) -> anyhow::Result<Guest> {
        let incoming = self.endpoint.accept().await;
        let connecting = incoming.expect("it is open").accept()?;
        let connection = connecting.await?;
        let stream = connection.accept_uni().await?;
        Ok(Guest {
            out: connection.open_uni().await?,
            reader: FrameReader::new(stream),
            connection,
        })
    }

    fn connector(&self, role: Role, identity: Option<&Identity>) -> anyhow::Result<Connector> {
        let address = self.endpoint.local_addr()?.to_string();
        Ok(Connector::new(role, &address, &self.trust, identity)?)
    }

    /// A peer that comes, and comes back without much delay.
    pub(super) fn peer(&self, role: Role) -> anyhow::Result<Peer> {
        let known = (role == Role::Relay).then(identity);
        let connector = self.connector(role, known.as_ref())?;
        let (hear, notices) = mpsc::unbounded_channel();
        let hear = move |notice| drop(hear.send(notice));
        let (show, list) = watch::channel(Snapshot::default());
        let soon = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        let task = match role {
            Role::Client => tokio::spawn(async move {
                let connect = move || {
                    let connector = connector.clone();
                    async move { connector.connect().await }
                };
                let follow = metaserve_client::maintain(connect);
                let mut list = follow.game("chess").backoff(soon).run();
                while let Some(Ok(snapshot)) = list.next().await {
                    show.send_replace(snapshot);
                }
            }),
            Role::Heartbeat => tokio::spawn(async move {
                let connection = connector.connect().await.expect("the host accepts");
                let publisher = Publisher::new(connection).game("chess").on_notice(hear);
                let _ = publisher.run(constant("hi")).await;
            }),
            Role::Relay => tokio::spawn(async move {
                let listing = Change::List(Listing {
                    key: 9,
                    game: Game::new("chess").expect("a tag"),
                    address: SocketAddr::from(([192, 0, 2, 1], 5002)),
                    heartbeat: "{}".into(),
                });
                let changes = stream::iter([listing]).chain(stream::pending());
                let relay = metaserve_heartbeat::relay(&connector).on_notice(hear);
                let _ = relay.backoff(soon).run(changes).await;
            }),
            Role::Names => anyhow::bail!("no conversation is about names"),
        };
        Ok(Peer {
            task: task.abort_handle(),
            list,
            notices,
        })
    }
}

/// A peer of our libraries, until it is dropped.
pub(super) struct Peer {
    task: AbortHandle,
    /// What a client shows.
    pub(super) list: watch::Receiver<Snapshot>,
    /// What a server or relay has been told.
    pub(super) notices: mpsc::UnboundedReceiver<Notice>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

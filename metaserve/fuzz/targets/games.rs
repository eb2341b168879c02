//! Whole connections of the two libraries to a daemon that says anything, over loopback. Input: a
//! byte that names the library, one that says how the stream is cut and how it ends, and the bytes
//! of the stream.
//!
//! A game is given lists or notices, and then an error.

#![no_main]

use std::{cell::OnceCell, time::Duration};

use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use metaserve::{
    Connector, Identity, Role, Trust,
    tls::{secret::Secret, server::server_config},
    transport,
};
use metaserve_client::Subscriber;
use metaserve_heartbeat::Publisher;
use tokio::runtime::{Builder, Runtime};

/// What plays the daemon, and how to reach it.
struct Stage {
    runtime: Runtime,
    endpoint: quinn::Endpoint,
    connectors: [Connector; 2],
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static STAGE: OnceCell<Stage> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    let [role, manner, bytes @ ..] = input else {
        return;
    };
    STAGE.with(|stage| stage.get_or_init(Stage::new).play(*role, *manner, bytes));
});

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let context = runtime.enter();
        let state = tempfile::tempdir().expect("a directory");
        let identity = Identity::load_or_create(state.path(), &[]).expect("an identity");
        let transport = transport::server(&metaserve::Limits::default());
        let config = server_config(&identity, &Secret::ephemeral(), transport);
        let loopback = ([127, 0, 0, 1], 0).into();
        let endpoint = quinn::Endpoint::server(config.expect("its own key"), loopback);
        let endpoint = endpoint.expect("loopback has ports");
        let address = endpoint.local_addr().expect("an address").to_string();
        let trust = Trust::Fingerprint(identity.fingerprint());
        let connectors = [Role::Heartbeat, Role::Client].map(|role| {
            Connector::new(role, &address, &trust, None).expect("loopback has sockets")
        });
        drop(context);
        Self {
            runtime,
            endpoint,
            connectors,
        }
    }

    fn play(&self, role: u8, manner: u8, bytes: &[u8]) {
        let role = usize::from(role) % 2;
        self.runtime.block_on(async {
            let (connection, daemon) = tokio::join!(self.connectors[role].connect(), async {
                let incoming = self.endpoint.accept().await.expect("it is open");
                incoming.await.expect("a handshake")
            });
            let connection = connection.expect("we accept");
            let game = async {
                match role {
                    0 => publish(connection).await,
                    _ => follow(connection).await,
                }
            };
            let both = async { tokio::join!(game, say(daemon, manner, bytes)) };
            tokio::time::timeout(PATIENCE, both)
                .await
                .expect("every connection ends");
        });
    }
}

/// Publishes until an error ends it.
async fn publish(connection: quinn::Connection) {
    let heartbeats = futures::stream::iter(["one"]).chain(futures::stream::pending());
    let publisher =
        Publisher::new(connection).on_notice(|notice| assert!(notice.text.len() < 4096));
    let error = publisher
        .run(heartbeats)
        .await
        .expect_err("heartbeats never end");
    assert!(!error.to_string().is_empty());
}

/// Follows until an error ends it.
async fn follow(connection: quinn::Connection) {
    let mut list = Subscriber::new(connection).max_list_bytes(1 << 16).run();
    let mut known = 0;
    while let Some(item) = list.next().await {
        match item {
            Ok(snapshot) => {
                let changes = snapshot.changes();
                let ids = changes.added.iter().chain(&changes.updated);
                ids.for_each(|id| assert!(snapshot.get(*id).is_some()));
                known = known + changes.added.len() - changes.removed.len();
                assert_eq!(snapshot.len(), known);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    panic!("a list ends with an error");
}

/// The daemon's side of a connection: the bytes, the end of the stream, and then goodbye. If the
/// stream was reset, there may be another one.
async fn say(connection: quinn::Connection, manner: u8, bytes: &[u8]) {
    let cut = usize::from(manner % 16) * 4 + 3;
    let reset = manner / 16 % 4 == 0;
    for reset in [reset, false] {
        let Ok(mut out) = connection.open_uni().await else {
            return;
        };
        for piece in bytes.chunks(cut) {
            if out.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        if reset {
            // As a daemon does when its client is too slow, or with a code that means nothing.
            let _ = out.reset(u32::from(manner % 16).into());
            continue;
        }
        let _ = out.finish();
        // Until all of it was read, or the peer has had enough.
        let _ = out.stopped().await;
        break;
    }
    connection.close(u32::from(manner / 64).into(), b"end");
}

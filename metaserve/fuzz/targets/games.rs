//! Whole connections of the two libraries to a daemon that says anything, over loopback. Input: see
//! `loopback::Script`; the role is that of the library, and the bytes are the daemon's.
//!
//! A game is given lists or notices, and then an error.

#![no_main]

mod loopback;

use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use metaserve::{
    Connector, Identity, Role, Trust,
    tls::{secret::Secret, server::server_config},
    transport,
};
use metaserve_client::Subscriber;
use metaserve_heartbeat::Publisher;
use tokio::runtime::Runtime;

use loopback::{PATIENCE, Script};

/// What plays the daemon, and how to reach it.
struct Stage {
    runtime: Runtime,
    endpoint: quinn::Endpoint,
    connectors: [Connector; 2],
}

thread_local! {
    static STAGE: Stage = Stage::new();
}

fuzz_target!(|input: &[u8]| {
    if let Some(script) = Script::read(input) {
        STAGE.with(|stage| stage.play(&script));
    }
});

impl Stage {
    fn new() -> Self {
        let runtime = loopback::runtime();
        let context = runtime.enter();
        let state = tempfile::tempdir().expect("a directory");
        let identity = Identity::load_or_create(state.path(), &[]).expect("an identity");
        let secret = Secret::load_or_create(state.path()).expect("a secret");
        let transport = transport::server(&metaserve::Limits::default());
        let config = server_config(&identity, &secret, transport, &Role::ALL);
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

    fn play(&self, script: &Script<'_>) {
        let role = usize::from(script.role) % 2;
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
            let both = async { tokio::join!(game, say(daemon, script)) };
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
async fn say(connection: quinn::Connection, script: &Script<'_>) {
    let manner = u32::from(script.manner);
    for reset in [script.resets(), false] {
        let Ok(mut out) = connection.open_uni().await else {
            return;
        };
        script.say(&mut out).await;
        if reset {
            // As a daemon does when its client is too slow, or with a code that means nothing.
            let _ = out.reset((manner % 16).into());
            continue;
        }
        let _ = out.finish();
        // Until all of it was read, or the peer has had enough.
        let _ = out.stopped().await;
        break;
    }
    connection.close((manner / 64).into(), b"end");
}

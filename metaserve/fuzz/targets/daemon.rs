//! Whole connections to a real daemon, over loopback. Input: a byte that names the role, one that
//! says how the stream is cut and how it ends, and the bytes of the stream.
//!
//! The daemon has to answer every peer, and nobody is listed whose connection has ended.

#![no_main]

use std::{cell::OnceCell, time::Duration};

use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use metaserve::{
    Connector, Identity, Role, Trust,
    protocol::{client::ListMessage, codec::decode, heartbeat::FromDaemon},
    stream::FrameReader,
};
use metaserve_daemon::{Config, Daemon, cli::Http};
use tokio::runtime::{Builder, Runtime};

/// A daemon, and how to reach it.
struct Stage {
    runtime: Runtime,
    daemon: Daemon,
    connectors: [Connector; 3],
    inputs: std::cell::Cell<u32>,
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const TICK: Duration = Duration::from_millis(20);

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
        let _context = runtime.enter();
        let state = tempfile::tempdir().expect("a directory").keep();
        let relay = Identity::load_or_create(&state.join("relay"), &[]).expect("an identity");
        let mut config = Config::new(state);
        config.listen = ([127, 0, 0, 1], 0).into();
        config.http = Http::Off;
        config.tick = TICK;
        config.limits.min_interval = TICK;
        config.limits.max_servers_per_relay = 4;
        config.limits.max_heartbeat_bytes = 64;
        config.trust_relay = vec![relay.fingerprint()];
        let daemon = Daemon::start(config).expect("loopback has ports");
        let address = daemon.local_address().expect("an address").to_string();
        let trust = Trust::Fingerprint(daemon.fingerprint());
        let connectors = [Role::Heartbeat, Role::Client, Role::Relay].map(|role| {
            Connector::new(role, &address, &trust, Some(&relay)).expect("loopback has sockets")
        });
        drop(_context);
        Self {
            runtime,
            daemon,
            connectors,
            inputs: 0.into(),
        }
    }

    fn play(&self, role: u8, manner: u8, bytes: &[u8]) {
        let role = usize::from(role) % 3;
        self.inputs.set(self.inputs.get() + 1);
        self.runtime.block_on(async {
            let played = tokio::time::timeout(PATIENCE, self.peer(role, manner, bytes));
            played.await.expect("the daemon answers every peer");
            assert!(
                self.daemon.registry().is_empty(),
                "somebody is listed who has gone"
            );
            if self.inputs.get() % 200 == 0 {
                let honest = tokio::time::timeout(PATIENCE, self.honest());
                honest.await.expect("the daemon serves honest peers");
            }
        });
    }

    /// Says `bytes`, and reads until the daemon has had enough of it, or has sent a list.
    async fn peer(&self, role: usize, manner: u8, bytes: &[u8]) {
        let connection = self.connectors[role]
            .connect()
            .await
            .expect("the daemon accepts");
        let mut out = connection.open_uni().await.expect("one stream is allowed");
        for piece in bytes.chunks(usize::from(manner % 16) * 4 + 3) {
            // It fails when the daemon closes at the sight of the beginning.
            if out.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        match manner / 16 % 4 {
            0 => drop(out.reset(u32::from(manner).into())),
            _ => drop(out.finish()),
        }
        let read = async {
            let mut reader = FrameReader::new(connection.accept_uni().await.ok()?);
            while let Some(message) = reader.next(1 << 20).await.ok()? {
                if role == 1 {
                    ListMessage::decode(&message, 1 << 20).expect("a list");
                    return Some(());
                }
                decode::<FromDaemon<'_>>(&message).expect("an answer");
            }
            None
        };
        if read.await.is_none() {
            connection.closed().await;
        }
        // A server or a relay is told goodbye when its registrations are gone.
    }

    /// A game server is listed, and a game client sees it.
    async fn honest(&self) {
        let [server, client, _] = &self.connectors;
        let server = server.connect().await.expect("the daemon accepts");
        let heartbeats = futures::stream::iter(["honest"]).chain(futures::stream::pending());
        let publishing = metaserve_heartbeat::run(server, heartbeats);
        let watching = async {
            let mut list = metaserve_client::run(client.connect().await.expect("accepted"));
            while let Some(snapshot) = list.next().await {
                let snapshot = snapshot.expect("the list goes on");
                if snapshot.servers().any(|it| it.heartbeat == "honest") {
                    return;
                }
            }
        };
        tokio::select! {
            ended = publishing => panic!("an honest server was sent away: {ended:?}"),
            () = watching => {}
        }
        // Dropped, the connection is closed, and the daemon hears of it.
        while !self.daemon.registry().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

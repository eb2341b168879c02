//! Whole connections to a real daemon, over loopback. Input: see `loopback::Script`; the role is
//! that of a game server, a game client, a relay or a peer of names.
//!
//! The daemon has to answer every peer, and nobody is listed whose connection has ended.

#![no_main]

mod loopback;

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use metaserve::{
    Connector, Identity, Role, Trust,
    protocol::{
        client::ListMessage, codec::decode, heartbeat::FromDaemon, names::FromDaemon as NamesAnswer,
    },
    registry::Registry,
    stream::FrameReader,
};
use metaserve_daemon::{Daemon, Settings, settings::Http};
use tokio::runtime::Runtime;

use loopback::{PATIENCE, Script};

/// A daemon, and how to reach it.
struct Stage {
    runtime: Runtime,
    registry: Arc<Registry>,
    connectors: [Connector; Role::ALL.len()],
    inputs: std::cell::Cell<u32>,
}

const TICK: Duration = Duration::from_millis(20);

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
        let state = tempfile::tempdir().expect("a directory").keep();
        let relay = Identity::load_or_create(&state.join("relay"), &[]).expect("an identity");
        let mut settings = Settings::new(state);
        settings.listen = ([127, 0, 0, 1], 0).into();
        settings.http = Http::Off;
        settings.tick = TICK;
        settings.live.limits.min_interval = TICK;
        settings.live.limits.max_servers_per_relay = 4;
        settings.live.limits.max_heartbeat_bytes = 64;
        settings.live.trust_relay = vec![relay.fingerprint()];
        settings.names.is_on = true;
        let daemon = Daemon::start(settings).expect("loopback has ports");
        let address = daemon.local_address().expect("an address").to_string();
        let trust = Trust::Fingerprint(daemon.fingerprint());
        let connectors = Role::ALL.map(|role| {
            Connector::new(role, &address, &trust, Some(&relay)).expect("loopback has sockets")
        });
        let registry = daemon.registry().clone();
        // Ends with the runtime.
        drop(runtime.spawn(daemon.run(std::future::pending())));
        drop(context);
        Self {
            runtime,
            registry,
            connectors,
            inputs: 0.into(),
        }
    }

    fn play(&self, script: &Script<'_>) {
        self.inputs.set(self.inputs.get() + 1);
        self.runtime.block_on(async {
            let played = tokio::time::timeout(PATIENCE, self.peer(script));
            played.await.expect("the daemon answers every peer");
            assert!(
                self.registry.is_empty(),
                "somebody is listed who has gone"
            );
            if self.inputs.get() % 200 == 0 {
                let honest = tokio::time::timeout(PATIENCE, self.honest());
                honest.await.expect("the daemon serves honest peers");
            }
        });
    }

    /// Says what is in the script, and reads until the daemon has had enough of it, or has sent a list.
    async fn peer(&self, script: &Script<'_>) {
        let role = usize::from(script.role) % Role::ALL.len();
        let connection = self.connectors[role]
            .connect()
            .await
            .expect("the daemon accepts");
        let mut out = connection.open_uni().await.expect("one stream is allowed");
        script.say(&mut out).await;
        match script.resets() {
            true => drop(out.reset(u32::from(script.manner).into())),
            false => drop(out.finish()),
        }
        let read = async {
            let mut reader = FrameReader::new(connection.accept_uni().await.ok()?);
            while let Some(message) = reader.next(1 << 20).await.ok()? {
                if role == 1 {
                    ListMessage::decode(&message, 1 << 20).expect("a list");
                    return Some(());
                }
                if role == 3 {
                    let answer = decode::<NamesAnswer<'_>>(&message).expect("an answer");
                    answer.own().expect("what is allowed");
                    continue;
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
        let [server, client, ..] = &self.connectors;
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
        while !self.registry.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

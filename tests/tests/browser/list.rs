//! A daemon with servers that a relay lists.

use metaserve::{
    Identity, Role,
    protocol::relay::{FromRelay, Upsert},
    stream,
};
use metaserve_tests::{Daemon, Killed};
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::Mutex;

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

pub(crate) struct List {
    daemon: Daemon,
    pub(crate) http: SocketAddr,
    relay: Arc<Identity>,
    out: Mutex<quinn::SendStream>,
    _connection: quinn::Connection,
    count: u64,
}

/// A list whose daemon was killed, to be restarted at the same addresses.
pub(crate) struct Gone {
    daemon: Killed,
    http: SocketAddr,
    relay: Arc<Identity>,
    count: u64,
}

/// The heartbeat of a server with this name.
pub(crate) fn info(name: &str, players: u32) -> String {
    let map = [
        "Old Harbour",
        "dm_tower_of_the_very_long_shadows_final2",
        "e1m1",
    ];
    let modes = ["deathmatch", "capture the flag"];
    let record = serde_json::json!({
        "name": name,
        "players": players,
        "max_players": 32,
        "map": map[players as usize % map.len()],
        "mode": modes[players as usize % 2],
        "password": players == 5,
        "version": "1.2.3",
    });
    record.to_string()
}

fn arguments(http: &str, relay: &Identity) -> [String; 12] {
    let fingerprint = relay.fingerprint().to_string();
    let settings = ["--http", http, "--trust-relay", &fingerprint];
    let fast = [
        "--tick",
        "20ms",
        "--min-interval",
        "20ms",
        "--announce",
        "on",
    ];
    let join = ["--join-link", "quake3=quake3://{address}"];
    [&settings[..], &fast, &join]
        .concat()
        .try_into()
        .map(|all: [&str; 12]| all.map(str::to_owned))
        .unwrap()
}

impl List {
    pub(crate) async fn start(count: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let relay = Arc::new(Identity::load_or_create(directory.path(), &[]).unwrap());
        let arguments = arguments("127.0.0.1:0", &relay);
        let mut daemon = Daemon::start(DAEMON, &arguments.each_ref().map(|it| &**it)).await;
        let http = daemon.http().await;
        Self::fill(daemon, http, relay, count).await
    }

    async fn fill(daemon: Daemon, http: SocketAddr, relay: Arc<Identity>, count: u64) -> Self {
        let connection = daemon.connect(Role::Relay, Some(&relay)).await;
        let out = Mutex::new(connection.open_uni().await.unwrap());
        let list = Self {
            daemon,
            http,
            relay,
            out,
            _connection: connection,
            count,
        };
        for key in 0..count {
            let name = match key {
                3 => "<img src=x onerror=alert(1)>".to_owned(),
                4 => "W".repeat(90),
                5 => format!(
                    "Server 5 with a name as long as people give them {}",
                    "so it is ".repeat(4)
                ),
                6 => "Сервер 6 — 日本語サーバー — خادم".to_owned(),
                _ => format!("Server {key}"),
            };
            list.put(key, &info(&name, (key * 37 % 31) as u32)).await;
        }
        list
    }

    pub(crate) async fn put(&self, key: u64, heartbeat: &str) {
        let game = ["quake3", "vcmi", "a-game-with-a-longer-tag"][key as usize % 3];
        self.put_into(game, key, heartbeat).await;
    }

    pub(crate) async fn put_into(&self, game: &str, key: u64, heartbeat: &str) {
        let [.., a, b] = key.to_be_bytes();
        let address = match key % 10 {
            9 => SocketAddr::from((
                [0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 1, key as u16],
                27960,
            )),
            _ => SocketAddr::from(([203, 0, 113 + a, b], 27960)),
        };
        self.say(FromRelay::Upsert(Upsert {
            key,
            game,
            address,
            heartbeat: heartbeat.as_bytes(),
        }))
        .await;
    }

    pub(crate) async fn remove(&self, key: u64) {
        self.say(FromRelay::Remove(key)).await;
    }

    async fn say(&self, message: FromRelay<'_>) {
        let mut out = self.out.lock().await;
        stream::write(&mut out, message).await.unwrap();
    }

    pub(crate) async fn kill(self) -> Gone {
        Gone {
            daemon: self.daemon.kill().await,
            http: self.http,
            relay: self.relay,
            count: self.count,
        }
    }
}

impl Gone {
    pub(crate) async fn restart(self) -> List {
        let arguments = arguments(&self.http.to_string(), &self.relay);
        let arguments = arguments.each_ref().map(|it| &**it);
        let daemon = self.daemon.restart(&arguments).await;
        List::fill(daemon, self.http, self.relay, self.count).await
    }
}

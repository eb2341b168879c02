//! The common parts of the benchmarks: a registry with servers, and a tick on request.

mod calm;

use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    Game, Mod, ServerInfo,
    feed::{Feed, Feeds, Frame, Subscription},
    protocol::client::Compression,
    registry::{Registration, Registry},
};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A registry with servers of one game, each with a heartbeat of about 200 bytes.
pub(crate) struct Stage {
    feeds: Arc<Feeds>,
    pub(crate) servers: Vec<Registration>,
    runtime: Runtime,
    round: usize,
}

/// A realistic heartbeat, different in each round.
pub(crate) fn heartbeat(server: usize, round: usize) -> Bytes {
    let info = ServerInfo {
        map: Some("bloodrun".into()),
        mode: Some("ctf".into()),
        players: Some((server + round) as u32 % 17),
        max_players: Some(16),
        time_left_seconds: Some(round as u32),
        mods: vec![Mod::new(format!(
            "{:x}",
            server.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ))],
        ..ServerInfo::new(format!("Frankfurt #{server}"))
    };
    info.to_json().into()
}

impl Stage {
    /// Lists all servers, and completes the first tick.
    pub(crate) fn new(servers: usize) -> Self {
        let feeds = Feeds::new();
        let registry = Registry::new(10, vec![feeds.clone()]);
        let game = Game::new("bench").expect("a tag");
        let register = |server: usize| {
            let address = ([192, 0, 2, 1], 1 + (server % 65_535) as u16).into();
            let registration = registry.register(&game, address, None).expect("it fits");
            registration.heartbeat(heartbeat(server, 0));
            registration
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let stage = Self {
            servers: (0..servers).map(register).collect(),
            feeds,
            runtime,
            round: 0,
        };
        stage.tick();
        stage
    }

    /// The feed of all games.
    pub(crate) fn feed(&self) -> Arc<Feed> {
        self.feeds.of(None)
    }

    /// Changes the heartbeats of the first `count` servers.
    pub(crate) fn change(&mut self, count: usize) {
        self.round += 1;
        for (server, registration) in self.servers[..count].iter().enumerate() {
            registration.heartbeat(heartbeat(server, self.round));
        }
    }

    /// Makes the frames of all changes, and wakes all clients.
    pub(crate) fn tick(&self) {
        calm::tick(&self.runtime, &self.feeds);
    }
}

/// The size of the frames that every client gets in one tick.
pub(crate) fn serve(clients: &mut [Subscription]) -> usize {
    let next = |client: &mut Subscription| client.next().now_or_never();
    let frames = clients.iter_mut().filter_map(next);
    frames
        .map(|frame: Arc<Frame>| frame.bytes(Compression::Zstd).len())
        .sum()
}

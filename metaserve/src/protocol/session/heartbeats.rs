//! What a game server says: hello, then heartbeats, of which the newest counts.

use super::{Notice, Say, Words};
use crate::{
    Game, Pacing,
    protocol::{
        codec,
        heartbeat::{FromServer, Hello},
        roles::ASSUMED_INTERVAL,
    },
};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// The words of one game server.
#[derive(Debug)]
pub struct Heartbeats {
    game: Game,
    port: Option<u16>,
    /// Whether the hello is still to be said.
    greets: bool,
    pacing: Pacing,
}

impl Heartbeats {
    /// Of a server of this game, which players join by `port`: by default the one that its
    /// connection comes from.
    #[must_use]
    pub fn new(game: Game, port: Option<u16>) -> Self {
        Self {
            game,
            port,
            greets: true,
            pacing: Pacing::new(ASSUMED_INTERVAL),
        }
    }
}

impl Words for Heartbeats {
    fn restate(&mut self, _: Instant) {
        self.greets = true;
        self.pacing.restate();
    }

    fn set_interval(&mut self, interval: Duration, _: Instant) {
        self.pacing.set_interval(interval);
    }

    fn next(&mut self, now: Instant) -> Option<Bytes> {
        if std::mem::take(&mut self.greets) {
            let (game, port) = (self.game.as_str(), self.port);
            return Some(codec::frame(FromServer::Hello(Hello { game, port })));
        }
        let heartbeat = self.pacing.take(now)?;
        Some(codec::frame(FromServer::Heartbeat(&heartbeat)))
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.pacing.due(now)
    }
}

impl<T: AsRef<[u8]>> Say<T> for Heartbeats {
    fn say(&mut self, heartbeat: T, max_bytes: usize, _: Instant) -> Result<(), Notice> {
        let heartbeat = heartbeat.as_ref();
        if heartbeat.len() > max_bytes {
            return Err(Notice::left_out("", heartbeat.len(), max_bytes));
        }
        self.pacing.offer(Bytes::copy_from_slice(heartbeat));
        Ok(())
    }
}

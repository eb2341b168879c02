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

/// Longer heartbeats wait until the daemon has said what it accepts, one round trip, so that a first
/// one that is too long is left out like a later one: 1 KiB, which hardly any daemon refuses.
const ASSUMED_HEARTBEAT_BYTES: usize = 1024;

/// The words of one game server.
#[derive(Debug)]
pub struct Heartbeats {
    game: Game,
    port: Option<u16>,
    /// Whether the hello is still to be said.
    greets: bool,
    /// Whether the daemon has said what it accepts.
    welcomed: bool,
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
            welcomed: false,
            pacing: Pacing::new(ASSUMED_INTERVAL),
        }
    }

    /// Whether the heartbeat that waits has to wait for the welcome.
    fn is_held(&self) -> bool {
        !self.welcomed && self.pacing.holds_longer_than(ASSUMED_HEARTBEAT_BYTES)
    }
}

impl Words for Heartbeats {
    fn restate(&mut self, _: Instant) {
        self.greets = true;
        self.welcomed = false;
        self.pacing.restate();
    }

    fn welcomed(&mut self, interval: Duration, max_bytes: usize, _: Instant) -> Result<(), Notice> {
        self.welcomed = true;
        self.pacing.set_interval(interval);
        match self.pacing.withdraw_longer_than(max_bytes) {
            Some(bytes) => Err(Notice::left_out("", bytes, max_bytes)),
            None => Ok(()),
        }
    }

    fn next(&mut self, now: Instant) -> Option<Bytes> {
        if std::mem::take(&mut self.greets) {
            let (game, port) = (self.game.as_str(), self.port);
            return Some(codec::frame(FromServer::Hello(Hello { game, port })));
        }
        if self.is_held() {
            return None;
        }
        let heartbeat = self.pacing.take(now)?;
        Some(codec::frame(FromServer::Heartbeat(&heartbeat)))
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.pacing.due(now).filter(|_| !self.is_held())
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

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    /// A server that has said hello.
    fn greeted(now: Instant) -> Heartbeats {
        let mut words = Heartbeats::new(Game::default(), None);
        words.restate(now);
        assert!(words.next(now).is_some(), "the hello");
        words
    }

    /// The first one cost the connection, and each later one was left out.
    #[test]
    fn a_heartbeat_that_is_too_long_is_left_out_whether_it_is_the_first_or_a_later_one() {
        let now = Instant::now();
        let mut words = greeted(now);
        let long = "x".repeat(3000);
        words.say(&long, usize::MAX, now).unwrap();
        assert_eq!((words.next(now), words.due(now)), (None, None));
        let first = words.welcomed(INTERVAL, 2000, now).unwrap_err();
        let later = words.say(&long, 2000, now).unwrap_err();
        assert_eq!(first, later);
        assert!(first.text.contains("3000 bytes"), "{}", first.text);
        assert_eq!((words.next(now), words.due(now)), (None, None));
        words.say("short", 2000, now).unwrap();
        assert!(words.next(now).is_some());
    }

    #[test]
    fn a_long_heartbeat_that_fits_waits_for_the_welcome_and_a_short_one_does_not() {
        let now = Instant::now();
        let mut words = greeted(now);
        words.say("x".repeat(2000), usize::MAX, now).unwrap();
        assert_eq!(words.next(now), None);
        words.welcomed(INTERVAL, 2000, now).unwrap();
        assert!(words.next(now).is_some());
        let mut words = greeted(now);
        words.say("short", usize::MAX, now).unwrap();
        assert!(words.next(now).is_some());
    }
}

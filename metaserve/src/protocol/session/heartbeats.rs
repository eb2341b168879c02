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
///
/// Shorter ones do not wait: so a server is listed also while the daemon's packets do not reach it.
const ASSUMED_HEARTBEAT_BYTES: usize = 1024;

/// How many longer heartbeats are kept before the welcome, one of which may turn out to be too long.
const MOST_WAITING: usize = 8;

/// The words of one game server.
#[derive(Debug)]
pub struct Heartbeats {
    game: Game,
    port: Option<u16>,
    /// Whether the hello is still to be said.
    greets: bool,
    /// Whether the daemon has said what it accepts.
    welcomed: bool,
    /// What is said before that: at most so long, or as long as the daemon accepted before.
    assumed_bytes: usize,
    /// Longer heartbeats from before it, oldest first. Each is longer than all before it, any of which
    /// may be the newest that is accepted.
    waiting: Vec<Bytes>,
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
            assumed_bytes: ASSUMED_HEARTBEAT_BYTES,
            waiting: Vec::new(),
            pacing: Pacing::new(ASSUMED_INTERVAL),
        }
    }

    /// Whether the heartbeat that is to be said has to wait for the welcome.
    fn is_held(&self) -> bool {
        !self.welcomed && self.pacing.holds_longer_than(self.assumed_bytes)
    }

    fn wait(&mut self, heartbeat: Bytes) {
        self.waiting.retain(|older| older.len() < heartbeat.len());
        if self.waiting.len() == MOST_WAITING {
            // The oldest is the shortest, which is accepted if any is.
            self.waiting.remove(1);
        }
        self.waiting.push(heartbeat);
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
        self.assumed_bytes = max_bytes.min(ASSUMED_HEARTBEAT_BYTES);
        self.pacing.set_interval(interval);
        let mut left_out = self.pacing.withdraw_longer_than(max_bytes);
        for heartbeat in self.waiting.drain(..) {
            match heartbeat.len() {
                bytes if bytes > max_bytes => left_out = Some(bytes),
                _ => {
                    left_out = None;
                    self.pacing.offer(heartbeat);
                }
            }
        }
        match left_out {
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
        let heartbeat = Bytes::copy_from_slice(heartbeat);
        if !self.welcomed && heartbeat.len() > self.assumed_bytes {
            self.wait(heartbeat);
        } else {
            self.waiting.clear();
            self.pacing.offer(heartbeat);
        }
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

    /// A daemon that accepts very little closes the connection for the first one, but not again.
    #[test]
    fn a_heartbeat_that_the_daemon_does_not_accept_is_not_said_on_the_next_connection() {
        let now = Instant::now();
        let mut words = greeted(now);
        words.say("short", usize::MAX, now).unwrap();
        assert!(words.next(now).is_some());
        words.welcomed(INTERVAL, 4, now).unwrap();
        words.restate(now);
        assert!(words.next(now).is_some(), "the hello");
        assert_eq!((words.next(now), words.due(now)), (None, None));
        let notice = words.welcomed(INTERVAL, 4, now).unwrap_err();
        assert!(notice.text.contains("5 bytes"), "{}", notice.text);
        assert_eq!((words.next(now), words.due(now)), (None, None));
    }

    /// One that was too long replaced the shorter one that still waited for the welcome.
    #[test]
    fn of_the_heartbeats_before_the_welcome_the_newest_that_is_accepted_is_said() {
        const K: usize = ASSUMED_HEARTBEAT_BYTES;
        let table: [(&[usize], usize, bool); 7] = [
            (&[5, 3 * K], 5, true),
            (&[K + 5, 3 * K], K + 5, true),
            (&[1, K + 5, 3 * K, 4 * K], K + 5, true),
            (&[3 * K, 5], 5, false),
            (&[K + 3, 3 * K, K + 5], K + 5, false),
            (&[K + 5, 3 * K, K + 3], K + 3, false),
            (
                &[
                    K + 1,
                    20 * K,
                    21 * K,
                    22 * K,
                    23 * K,
                    24 * K,
                    25 * K,
                    26 * K,
                    27 * K,
                ],
                K + 1,
                true,
            ),
        ];
        let now = Instant::now();
        for (lengths, said, left_out) in table {
            let mut words = greeted(now);
            for length in lengths {
                let heartbeat = "x".repeat(*length);
                words.say(heartbeat, usize::MAX, now).unwrap();
            }
            assert!(words.waiting.len() <= MOST_WAITING, "{lengths:?}");
            let notice = words.welcomed(INTERVAL, 2 * K, now).err();
            let newest = lengths.last().unwrap();
            let expected = left_out.then(|| Notice::left_out("", *newest, 2 * K));
            assert_eq!(notice, expected, "{lengths:?}");
            let frame = codec::frame(FromServer::Heartbeat("x".repeat(said).as_bytes()));
            assert_eq!(words.next(now), Some(frame), "{lengths:?}");
        }
    }
}

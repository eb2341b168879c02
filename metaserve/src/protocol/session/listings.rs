//! What a relay says: many servers, each paced for itself.

use super::{Notice, Say, Words};
use crate::{
    Game, Pacing,
    protocol::{
        codec,
        relay::{FromRelay, Upsert},
        roles::ASSUMED_INTERVAL,
    },
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// The words of one relay. Memory: a frame for each server that it lists.
#[derive(Debug)]
pub struct Listings {
    servers: HashMap<u64, Server>,
    /// Servers of which there is something to say, by when it may be said.
    due: BTreeSet<(Instant, u64)>,
    /// Servers that are to leave the list.
    gone: VecDeque<u64>,
    interval: Duration,
}

#[derive(Debug)]
struct Server {
    /// Of whole frames: a new address is news as well as a new heartbeat.
    pacing: Pacing,
    due: Option<Instant>,
    /// How long its newest heartbeat is.
    heartbeat_bytes: usize,
    /// Whether the daemon has heard of it on this connection.
    stated: bool,
}

/// One server that a relay lists on behalf of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The relay's own name for the server, unique among its servers.
    pub key: u64,
    /// The game (namespace) that it is listed in.
    pub game: Game,
    /// Where players join it.
    pub address: SocketAddr,
    /// What players see of it, in at most as many bytes as the daemon accepts (8 KiB by default).
    pub heartbeat: Bytes,
}

/// A change of what a relay lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Lists a server, or changes all that is listed under the same key.
    List(Listing),
    /// Takes the server with this key off the list, if it is there.
    Unlist(u64),
}

impl Default for Listings {
    fn default() -> Self {
        Self {
            servers: HashMap::new(),
            due: BTreeSet::new(),
            gone: VecDeque::new(),
            interval: ASSUMED_INTERVAL,
        }
    }
}

impl Listings {
    fn list(&mut self, listing: &Listing, now: Instant) {
        let server = self.servers.entry(listing.key).or_insert_with(|| Server {
            pacing: Pacing::new(self.interval),
            due: None,
            heartbeat_bytes: 0,
            stated: false,
        });
        server.heartbeat_bytes = listing.heartbeat.len();
        server.pacing.offer(codec::frame(FromRelay::Upsert(Upsert {
            key: listing.key,
            game: listing.game.as_str(),
            address: listing.address,
            heartbeat: &listing.heartbeat,
        })));
        server.plan(listing.key, &mut self.due, now);
    }

    fn unlist(&mut self, key: u64) {
        let Some(server) = self.servers.remove(&key) else {
            return;
        };
        server.due.map(|due| self.due.remove(&(due, key)));
        if server.stated {
            self.gone.push_back(key);
        }
    }

    fn each(&mut self, now: Instant, change: impl Fn(&mut Server)) {
        for (key, server) in &mut self.servers {
            change(server);
            server.plan(*key, &mut self.due, now);
        }
    }
}

impl Server {
    /// Notes when there may be something to say of it.
    fn plan(&mut self, key: u64, plan: &mut BTreeSet<(Instant, u64)>, now: Instant) {
        let due = self.pacing.due(now);
        self.due.map(|due| plan.remove(&(due, key)));
        due.map(|due| plan.insert((due, key)));
        self.due = due;
    }
}

impl Words for Listings {
    fn restate(&mut self, now: Instant) {
        // Nothing is listed yet that would have to go.
        self.gone.clear();
        self.each(now, |server| {
            server.stated = false;
            server.pacing.restate();
        });
    }

    /// The daemon itself checks listings sent before the welcome, and answers with a notice too.
    /// Those that are too long are forgotten here all the same: one that is too long for a frame
    /// would end the next connection as well.
    fn welcomed(&mut self, interval: Duration, max: usize, now: Instant) -> Result<(), Notice> {
        self.interval = interval;
        let (mut too_long, mut unsaid) = (Vec::new(), None);
        for (key, server) in &self.servers {
            if server.heartbeat_bytes > max {
                too_long.push(*key);
                let said = server.due.is_none();
                unsaid = unsaid.or((!said).then_some((*key, server.heartbeat_bytes)));
            }
        }
        for key in too_long {
            self.unlist(key);
        }
        self.each(now, |server| server.pacing.set_interval(interval));
        match unsaid {
            Some((key, bytes)) => Err(Notice::left_out(&format!("server {key}: "), bytes, max)),
            None => Ok(()),
        }
    }

    fn next(&mut self, now: Instant) -> Option<Bytes> {
        if let Some(key) = self.gone.pop_front() {
            return Some(codec::frame(FromRelay::Remove(key)));
        }
        let &(_, key) = self.due.first().filter(|(due, _)| *due <= now)?;
        let server = self.servers.get_mut(&key)?;
        let upsert = server.pacing.take(now);
        server.stated |= upsert.is_some();
        server.plan(key, &mut self.due, now);
        upsert
    }

    fn due(&self, _: Instant) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }
}

impl Say<Change> for Listings {
    fn say(&mut self, change: Change, max_bytes: usize, now: Instant) -> Result<(), Notice> {
        match change {
            Change::List(listing) if listing.heartbeat.len() > max_bytes => {
                let whose = format!("server {}: ", listing.key);
                return Err(Notice::left_out(&whose, listing.heartbeat.len(), max_bytes));
            }
            Change::List(listing) => self.list(&listing, now),
            Change::Unlist(key) => self.unlist(key),
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

    fn list(key: u64, words: &'static str) -> Change {
        Change::List(Listing {
            key,
            game: Game::default(),
            address: ([192, 0, 2, 1], 7777).into(),
            heartbeat: words.into(),
        })
    }

    /// A relay that the daemon has let in.
    fn welcomed(now: Instant) -> Listings {
        let mut listings = Listings::default();
        listings.restate(now);
        listings.welcomed(ASSUMED_INTERVAL, 100, now).unwrap();
        listings
    }

    /// The messages sent now: a key with its heartbeat, or without one when the server leaves.
    fn said(listings: &mut Listings, now: Instant) -> Vec<(u64, Option<String>)> {
        let frames = std::iter::from_fn(|| listings.next(now));
        let read = |frame: Bytes| match codec::decode(&frame[4..]).unwrap() {
            FromRelay::Upsert(it) => {
                let words = String::from_utf8_lossy(it.heartbeat).into_owned();
                (it.key, Some(words))
            }
            FromRelay::Remove(key) => (key, None),
        };
        frames.map(read).collect()
    }

    fn words(key: u64, words: &str) -> (u64, Option<String>) {
        (key, Some(words.into()))
    }

    #[test]
    fn each_server_is_paced_for_itself_and_the_newest_counts() {
        let now = Instant::now();
        let mut listings = welcomed(now);
        for change in [list(1, "old"), list(1, "new"), list(2, "other")] {
            listings.say(change, 100, now).unwrap();
        }
        assert_eq!(
            said(&mut listings, now),
            [words(1, "new"), words(2, "other")]
        );
        for change in [list(1, "newer"), list(2, "other"), list(3, "first")] {
            listings.say(change, 100, now).unwrap();
        }
        assert_eq!(said(&mut listings, now), [words(3, "first")]);
        let due = listings.due(now).unwrap();
        assert_eq!(due, now + ASSUMED_INTERVAL * 3 / 4);
        assert_eq!(said(&mut listings, due), [words(1, "newer")]);
        assert_eq!(listings.due(now), None);
        listings.say(list(1, "soon"), 100, due).unwrap();
        listings
            .welcomed(Duration::from_millis(4), 100, due)
            .unwrap();
        let due = listings.due(due).unwrap();
        assert_eq!(said(&mut listings, due), [words(1, "soon")]);
    }

    #[test]
    fn all_that_is_left_is_stated_again_and_nothing_else() {
        let now = Instant::now();
        let mut listings = welcomed(now);
        for key in 1..=3 {
            listings.say(list(key, "here"), 100, now).unwrap();
        }
        said(&mut listings, now);
        listings.say(Change::Unlist(1), 100, now).unwrap();
        assert_eq!(said(&mut listings, now), [(1, None)]);
        listings.say(Change::Unlist(2), 100, now).unwrap();
        listings.restate(now);
        listings.welcomed(ASSUMED_INTERVAL, 100, now).unwrap();
        assert_eq!(said(&mut listings, now), [words(3, "here")]);
    }

    #[test]
    fn a_server_that_was_never_stated_need_not_be_taken_back() {
        let now = Instant::now();
        let mut listings = welcomed(now);
        listings.say(list(1, "brief"), 100, now).unwrap();
        listings.say(Change::Unlist(1), 100, now).unwrap();
        assert_eq!(
            (said(&mut listings, now), listings.due(now)),
            (vec![], None)
        );
    }

    #[test]
    fn a_heartbeat_that_is_too_long_is_left_out_and_the_one_before_stays() {
        let now = Instant::now();
        let mut listings = welcomed(now);
        listings.say(list(7, "fits"), 4, now).unwrap();
        let notice = listings.say(list(7, "fits not"), 4, now).unwrap_err();
        assert!(
            notice.text.starts_with("server 7: a heartbeat of 8 bytes"),
            "{}",
            notice.text
        );
        assert_eq!(said(&mut listings, now), [words(7, "fits")]);
    }

    /// One that was too long for a frame ended each connection again.
    #[test]
    fn what_the_daemon_does_not_accept_is_not_said_on_the_next_connection() {
        let now = Instant::now();
        let mut listings = Listings::default();
        for change in [list(1, "fits"), list(2, "fits not")] {
            listings.say(change, usize::MAX, now).unwrap();
        }
        listings.restate(now);
        let begun = said(&mut listings, now);
        assert_eq!(begun, [words(1, "fits"), words(2, "fits not")]);
        listings.welcomed(ASSUMED_INTERVAL, 4, now).unwrap();
        listings.restate(now);
        assert_eq!(said(&mut listings, now), [words(1, "fits")]);

        listings.say(list(2, "fits not"), 100, now).unwrap();
        let notice = listings.welcomed(ASSUMED_INTERVAL, 4, now).unwrap_err();
        let begin = "server 2: a heartbeat of 8 bytes was left out";
        assert!(notice.text.starts_with(begin), "{}", notice.text);
        assert_eq!(said(&mut listings, now), []);
    }
}

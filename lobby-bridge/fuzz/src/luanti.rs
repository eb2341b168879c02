//! Announcements of several servers to the list of Luanti. Input: parts, each an announcement in
//! JSON. The highest bit of its first byte says that the server does not answer the ping, the next
//! one that the announcement comes as a form.
//!
//! Whatever comes, each announcement is answered once, nobody is listed without an answered ping, the
//! list is JSON, and every entry ends.

use std::{
    collections::HashSet,
    time::{Duration, Instant, SystemTime},
};

use metaserve_lobby_bridge::{
    luanti::{
        Limits,
        list::{Asked, List, Pinged},
        page::Shown,
    },
    peers::{ConnectionId, Effect, Lobby},
    web::{self, Errand, Event, ListLobby, News},
};
use metaserve_query::luanti::Announcement;
use serde_json::Value;

use super::parts::{Part, parts};

/// What the list has done.
#[derive(Default)]
struct Seen {
    listed: HashSet<u64>,
    shown: Shown,
    answers: usize,
}

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let mut now = metaserve::time::now();
    let mut list = ListLobby::new(List::new(Limits::default()), 100);
    let mut seen = Seen::default();
    for (number, part) in parts(input).enumerate() {
        now += part.passes();
        let answers = part.control & 0x80 == 0;
        if let Some(announcement) = announcement(&part) {
            let asked = Asked {
                from: part.peer().ip(),
                announcement,
                resolved: None,
            };
            let event = Event::Asks(Box::new(asked), SystemTime::UNIX_EPOCH);
            let effects = list.handle(ConnectionId(number as u64), event, now);
            seen.takes(&mut list, effects, answers, now);
            assert_eq!(std::mem::take(&mut seen.answers), 1, "it is answered once");
        }
        let effects = list.hear(News::Second, now, SystemTime::UNIX_EPOCH);
        seen.takes(&mut list, effects, answers, now);
        let json: Value = serde_json::from_slice(&seen.shown.json()).expect("the list is JSON");
        let servers = json["list"].as_array().expect("a list").len();
        assert_eq!(servers, seen.listed.len());
    }
    // What nobody keeps alive ends.
    now += Duration::from_secs(3_600);
    let effects = list.hear(News::Second, now, SystemTime::UNIX_EPOCH);
    seen.takes(&mut list, effects, false, now);
    assert!(seen.listed.is_empty() && seen.shown.servers.servers.is_empty());
}

/// The announcement of a part, in the form in which it comes.
fn announcement(part: &Part<'_>) -> Option<Announcement> {
    if part.control & 0x40 == 0 {
        return Announcement::from_json(part.bytes).ok();
    }
    let form = [b"json=", part.bytes].concat();
    Announcement::read("application/x-www-form-urlencoded", &form).ok()
}

impl Seen {
    fn takes(
        &mut self,
        list: &mut ListLobby<List>,
        effects: Vec<web::Effect<List>>,
        answers: bool,
        now: Instant,
    ) {
        for effect in effects {
            match effect {
                Effect::Send(..) => self.answers += 1,
                Effect::List(id, listed) => {
                    assert!(answers, "a server that does not answer is listed");
                    if let Ok(info) = listed.said.info() {
                        assert!(info.fit(8 * 1024).to_json().len() <= 8 * 1024);
                    }
                    self.listed.insert(id);
                }
                Effect::Unlist(id) => drop(self.listed.remove(&id)),
                Effect::Errand(Errand::Do(ping)) => {
                    assert!(ping.targets.len() <= Limits::default().targets);
                    let took = answers.then_some(0.05);
                    let pinged = Event::Done(Pinged { ping, took });
                    let effects = list.handle(ConnectionId(u64::MAX), pinged, now);
                    self.takes(list, effects, answers, now);
                }
                Effect::Errand(Errand::Show(shown)) => self.shown = shown,
                _ => {}
            }
        }
    }
}

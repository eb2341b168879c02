//! The servers in the list, and when each of them leaves it
//! (`docs/specifications/quake3-master.md`, section 8).

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use metaserve::Game;

use super::{info::Description, limits::Limits};
use crate::peers::{Way, host};

/// How often a server may want the second question repeated. Once is usual.
const REPEATED: u32 = 2;

/// When a server that has called is asked again, if it does not answer: after this many seconds.
const ASKED_AGAIN: [u64; 4] = [1, 3, 7, 15];

/// A server in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The address under which it is listed.
    pub address: SocketAddr,
    /// The game of the registry that it belongs to.
    pub game: Game,
    /// What it says of itself.
    pub description: Description,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    way: Way,
    tag: String,
    listed: Listed,
    /// When it has answered last.
    answered: Instant,
    /// When it has called without answering since, and how often it was asked again.
    doubt: Option<(Instant, usize)>,
    /// When it was asked the second question, and how often it may still want that repeated.
    second: Option<(Instant, u32)>,
}

/// All servers in the list, by the addresses that they have proved.
#[derive(Debug, Default)]
pub struct Servers {
    map: HashMap<SocketAddr, Entry>,
    hosts: HashMap<IpAddr, usize>,
    due: BTreeSet<(Instant, SocketAddr)>,
    last_id: u64,
}

/// What a server has become by an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// It is new, under this number.
    New(u64),
    /// It says something else.
    Changed(u64),
    /// It is in another game, and has a new number instead of this one.
    Replaced(u64, u64),
    /// It says the same.
    Same,
}

/// What is due for a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It has to be asked again.
    Ask(Way, String),
    /// It has left the list.
    Gone(u64),
}

impl Servers {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All of them, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.map.values().map(|entry| &entry.listed)
    }

    /// What a server says of itself.
    pub(super) fn get(&self, server: SocketAddr) -> Option<&Listed> {
        self.map.get(&server).map(|entry| &entry.listed)
    }

    /// All addresses with their tags, for the time after a restart.
    pub(super) fn tags(&self) -> impl Iterator<Item = (SocketAddr, &str)> {
        self.map
            .iter()
            .map(|(address, entry)| (*address, &*entry.tag))
    }

    /// How many a host has.
    pub(super) fn of_host(&self, host: IpAddr) -> usize {
        self.hosts.get(&host).copied().unwrap_or(0)
    }

    /// A listed server has called: unless it answers, it leaves the list.
    pub(super) fn called(&mut self, server: SocketAddr, limits: &Limits, now: Instant) {
        self.change(server, limits, |entry| {
            entry.doubt.get_or_insert((now, 0));
        });
    }

    /// A server has answered.
    pub(super) fn answered(
        &mut self,
        (way, tag): (Way, &str),
        listed: Listed,
        limits: &Limits,
        now: Instant,
    ) -> Became {
        let server = way.peer();
        let next = self.last_id + 1;
        let became = match self.map.get(&server) {
            None => Became::New(next),
            Some(entry) if entry.listed == listed => Became::Same,
            Some(entry) if entry.listed.game != listed.game => Became::Replaced(entry.id, next),
            Some(entry) => Became::Changed(entry.id),
        };
        let id = match became {
            Became::New(id) | Became::Replaced(_, id) => {
                self.last_id = id;
                id
            }
            Became::Changed(id) => id,
            Became::Same => self.map.get(&server).map_or(0, |entry| entry.id),
        };
        let entry = Entry {
            id,
            way,
            tag: tag.to_owned(),
            listed,
            answered: now,
            doubt: None,
            second: None,
        };
        let due = entry.due(limits);
        match self.map.insert(server, entry) {
            Some(old) => drop(self.due.remove(&(old.due(limits), server))),
            None => *self.hosts.entry(host(server.ip())).or_default() += 1,
        }
        self.due.insert((due, server));
        became
    }

    /// A listed server is asked the second question. Returns the way to it.
    pub(super) fn second_asked(&mut self, server: SocketAddr, now: Instant) -> Option<Way> {
        let entry = self.map.get_mut(&server)?;
        entry.second = Some((now, REPEATED));
        Some(entry.way)
    }

    /// Whether the second question of a server is still open.
    pub(super) fn second_is_open(&self, server: SocketAddr, limits: &Limits, now: Instant) -> bool {
        let second = self.map.get(&server).and_then(|entry| entry.second);
        second.is_some_and(|(asked, _)| now < asked + limits.challenge_time)
    }

    /// Whether a server that wants the second question repeated gets it once more.
    pub(super) fn second_repeats(
        &mut self,
        server: SocketAddr,
        limits: &Limits,
        now: Instant,
    ) -> bool {
        if !self.second_is_open(server, limits, now) {
            return false;
        }
        let entry = self.map.get_mut(&server);
        let left = entry.and_then(|entry| Some(&mut entry.second.as_mut()?.1));
        left.is_some_and(|left| {
            let may = *left > 0;
            *left = left.saturating_sub(1);
            may
        })
    }

    /// A server has answered the second question, which was open: it is there, so that nobody
    /// doubts it, and `change` adds what it says. Returns its number and what it is now, unless
    /// nothing has changed.
    pub(super) fn second_answered(
        &mut self,
        server: SocketAddr,
        change: impl FnOnce(&mut Description),
        limits: &Limits,
    ) -> Option<(u64, Listed)> {
        let before = self.get(server)?.clone();
        self.change(server, limits, |entry| {
            (entry.doubt, entry.second) = (None, None);
            change(&mut entry.listed.description);
        });
        let entry = self.map.get(&server)?;
        (entry.listed != before).then(|| (entry.id, entry.listed.clone()))
    }

    /// Returns what is due, and removes servers that have not answered.
    pub(super) fn due(&mut self, limits: &Limits, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(&(at, server)) = self.due.first()
            && at <= now
        {
            let Some(entry) = self.map.get(&server) else {
                self.due.pop_first();
                continue;
            };
            if entry.ends(limits) <= now {
                due.extend(self.remove(server, limits).map(Due::Gone));
                continue;
            }
            due.push(Due::Ask(entry.way, entry.tag.clone()));
            self.change(server, limits, |entry| {
                if let Some((since, asked)) = &mut entry.doubt {
                    // After a pause of this program, the questions are not made up for.
                    let passed = now.saturating_duration_since(*since).as_secs();
                    *asked = ASKED_AGAIN.iter().filter(|after| **after <= passed).count();
                }
            });
        }
        due
    }

    /// Removes servers at addresses that are `unwanted`. Returns their numbers.
    pub(super) fn expel(&mut self, unwanted: impl Fn(IpAddr) -> bool, limits: &Limits) -> Vec<u64> {
        let servers = self.map.keys().copied();
        let servers: Vec<_> = servers.filter(|server| unwanted(server.ip())).collect();
        let gone = servers.into_iter();
        gone.filter_map(|server| self.remove(server, limits))
            .collect()
    }

    fn remove(&mut self, server: SocketAddr, limits: &Limits) -> Option<u64> {
        let entry = self.map.remove(&server)?;
        self.due.remove(&(entry.due(limits), server));
        let host = host(server.ip());
        if let Some(count) = self.hosts.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(&host);
            }
        }
        Some(entry.id)
    }

    fn change(&mut self, server: SocketAddr, limits: &Limits, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.map.get_mut(&server) {
            self.due.remove(&(entry.due(limits), server));
            change(entry);
            self.due.insert((entry.due(limits), server));
        }
    }
}

impl Entry {
    /// When it leaves the list, unless it answers.
    fn ends(&self, limits: &Limits) -> Instant {
        let latest = self.answered + limits.server_time;
        let doubted = self.doubt.map(|(since, _)| since + limits.doubt_time);
        doubted.map_or(latest, |doubted| doubted.min(latest))
    }

    /// When there is something to do about it.
    fn due(&self, limits: &Limits) -> Instant {
        let ends = self.ends(limits);
        let again = self.doubt.and_then(|(since, asked)| {
            let after = Duration::from_secs(*ASKED_AGAIN.get(asked)?);
            Some(since + after)
        });
        again.map_or(ends, |again| again.min(ends))
    }
}

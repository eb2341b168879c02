//! The list: what each announcement leads to (`docs/specifications/luanti-serverlist.md`, sections
//! 4, 5 and 7).
//!
//! Pure: without socket and clock. The server that a request is about is pinged after the answer, and
//! listed when it has answered that.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Instant, SystemTime},
};

use imbl::OrdMap;
use metaserve::{address::joinable, bounds::Rates};
use metaserve_query::luanti::{Announcement, InvalidAnnouncement, Said};

use super::{
    GAME,
    entry::{Entry, Key},
    limits::Limits,
    native::Native,
    page::{Announced, Shown, Totals},
    stored::StoredList,
};
use crate::{
    metrics::{Outcome, Question, Tally},
    peers::host,
    web::{self, Reply, ServerList},
};

/// Fields that an announcement needs beside those that everybody understands.
const REQUIRED: [&str; 2] = ["uptime", "game_time"];

/// An announcement that can be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The address that it comes from.
    pub from: IpAddr,
    /// What it says.
    pub announcement: Announcement,
    /// The addresses of the name that it gives; `None` if it gives none.
    pub resolved: Option<Vec<IpAddr>>,
}

/// A ping of a server: all targets have to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Whom it is about.
    pub key: Key,
    /// Tells it from earlier and later ones.
    pub number: u64,
    /// What to ask.
    pub targets: Vec<SocketAddr>,
}

/// A ping has ended, with the time in seconds that the slowest answer took; `None` if one is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinged {
    /// What was asked.
    pub ping: Ping,
    /// The time.
    pub took: Option<f64>,
}

/// A server, as it is passed on to the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Where it has answered.
    pub at: SocketAddr,
    /// Where it wants players to join.
    pub address: String,
    /// What it says of itself.
    pub said: Said,
}

type Orders = web::Orders<List>;

/// See the [module](self).
#[derive(Debug)]
pub struct List {
    limits: Limits,
    servers: OrdMap<Key, Arc<Entry>>,
    /// Pings that have not ended, each with what to list when it is answered.
    pinged: HashMap<Key, InFlight>,
    rates: Rates<Key>,
    most: Totals,
    /// The number of the last server, and that of the last ping.
    last: (u64, u64),
    /// Servers of an earlier run that were not published yet.
    restored: Vec<Key>,
    tally: Tally,
}

/// A ping that has not ended.
#[derive(Debug)]
struct InFlight {
    number: u64,
    /// `None` if only a sign of life is wanted.
    said: Option<Said>,
}

impl List {
    /// Makes a list without servers.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            servers: OrdMap::new(),
            pinged: HashMap::new(),
            rates: Rates::default(),
            most: Totals::default(),
            last: (0, 0),
            restored: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Counts what becomes of announcements and pings.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// Puts back the servers of an earlier run that are not too old. They are shown with the first
    /// [look](ServerList::look), and pinged.
    pub fn restore(&mut self, stored: StoredList, now: Instant, wall: SystemTime) {
        let (servers, clients) = stored.most;
        self.most = Totals { servers, clients };
        for server in stored.servers {
            self.last.0 += 1;
            let Some(entry) = server.entry(self.last.0, now, wall) else {
                continue;
            };
            let old = now.saturating_duration_since(entry.announced) >= self.limits.lifetime;
            if old || joinable(entry.at).is_err() || self.servers.len() >= self.limits.servers {
                continue;
            }
            let key = (entry.at.ip(), entry.at.port());
            self.servers.insert(key, Arc::new(entry));
            self.restored.push(key);
        }
    }

    /// A server says that it ends. It is not listed any more, also if its ping is still to come.
    fn remove(&mut self, key: Key, orders: &mut Orders) -> (u16, String) {
        let pinged = self.pinged.remove(&key).is_some();
        let listed = self.unlist(key, orders);
        let (outcome, answer) = match pinged || listed {
            true => (Outcome::Unlisted, "Removed from server list."),
            false => (Outcome::NotListed, "Server not found."),
        };
        self.tally.registration(outcome);
        (200, answer.to_owned())
    }

    fn announce(
        &mut self,
        key: Key,
        said: Said,
        resolved: Option<Vec<IpAddr>>,
        now: Instant,
        orders: &mut Orders,
    ) -> Result<(u16, String), (u16, String)> {
        let (from, port) = key;
        let refused = |status, why: &str| Err((status, why.to_owned()));
        if let Some(missing) = REQUIRED.iter().find(|it| !said.fields.contains_key(**it)) {
            let why = InvalidAnnouncement::Field(missing).to_string();
            return Err((400, why));
        }
        if joinable((from, port).into()).is_err() {
            return refused(400, "Players cannot join at this address.");
        }
        if resolved.as_ref().is_some_and(|it| !it.contains(&from)) {
            return refused(
                400,
                "The address does not resolve to where the request comes from.",
            );
        }
        let (each, at_once) = (self.limits.announce_every, self.limits.announces_at_once);
        if self.rates.spend(key, each, at_once, now).is_err() {
            return refused(429, "Announced too often.");
        }
        self.check_room(key)?;
        let targets = resolved.unwrap_or_else(|| vec![from]);
        self.ping(key, Some(said), targets, orders);
        self.tally.registration(Outcome::Unproved);
        Ok((202, "Request has been filed.".to_owned()))
    }

    fn check_room(&self, key: Key) -> Result<(), (u16, String)> {
        let (limits, here) = (&self.limits, host(key.0));
        let of_host = |it: &Key| host(it.0) == here;
        let pinged = self.pinged.keys().filter(|it| of_host(it)).count();
        if pinged >= limits.pinged_per_host && !self.pinged.contains_key(&key) {
            return Err((
                429,
                "Too many servers of this address are asked now.".into(),
            ));
        }
        if self.servers.contains_key(&key) || self.pinged.contains_key(&key) {
            return Ok(());
        }
        let listed = self.servers.keys().filter(|it| of_host(it)).count();
        if listed + pinged >= limits.per_host {
            return Err((403, "Too many servers of this address.".into()));
        }
        match self.servers.len() + self.pinged.len() >= limits.servers {
            true => Err((503, "The list is full.".into())),
            false => Ok(()),
        }
    }

    /// Asks whether a server is there, unless it is being asked already.
    fn ping(&mut self, key: Key, said: Option<Said>, targets: Vec<IpAddr>, orders: &mut Orders) {
        if let Some(pinged) = self.pinged.get_mut(&key) {
            // The start of a server is not forgotten because an update comes before the answer.
            if let Some(mut said) = said {
                said.starts |= pinged.said.as_ref().is_some_and(|it| it.starts);
                pinged.said = Some(said);
            }
            return;
        }
        self.last.1 += 1;
        let number = self.last.1;
        self.pinged.insert(key, InFlight { number, said });
        self.tally.question(Question::Asked);
        self.tally.open_questions(self.pinged.len());
        let targets = targets.into_iter().take(self.limits.targets);
        orders.work(Ping {
            key,
            number,
            targets: targets.map(|ip| SocketAddr::new(ip, key.1)).collect(),
        });
    }

    fn pinged(&mut self, Pinged { ping, took }: &Pinged, now: Instant, orders: &mut Orders) {
        let key = ping.key;
        let in_flight = self.pinged.get(&key);
        if in_flight.is_none_or(|it| it.number != ping.number) {
            return;
        }
        let said = self.pinged.remove(&key).and_then(|it| it.said);
        self.tally.open_questions(self.pinged.len());
        let Some(took) = *took else {
            let targets = &ping.targets;
            self.tally.question(Question::Unanswered);
            match said {
                Some(_) => {
                    self.tally.registration(Outcome::Unanswered);
                    tracing::info!(
                        ?targets,
                        "a Luanti server is not listed, since it does not answer a ping: is its \
                         UDP port open, and does it announce itself without a proxy?"
                    );
                }
                None => drop(self.unlist(key, orders)),
            }
            return;
        };
        self.tally.question(Question::Answered);
        let known = self.servers.get(&key).cloned();
        let is_new = known.is_none();
        let mut entry = match (known, &said) {
            (Some(known), _) => known,
            (None, None) => return,
            (None, Some(_)) => {
                self.last.0 += 1;
                Arc::new(Entry::new(self.last.0, key.into(), now))
            }
        };
        let changed = Arc::make_mut(&mut entry);
        (changed.ping, changed.proven) = (took, now);
        if let Some(said) = said {
            self.tally.registration(match is_new {
                true => Outcome::Listed,
                false => Outcome::Kept,
            });
            changed.announce(said, now);
            orders.list(changed.id, listed(changed));
        }
        self.servers.insert(key, entry);
        orders.changed();
    }

    fn unlist(&mut self, key: Key, orders: &mut Orders) -> bool {
        let Some(entry) = self.servers.remove(&key) else {
            return false;
        };
        orders.unlist(entry.id);
        true
    }
}

fn listed(entry: &Entry) -> Listed {
    Listed {
        at: entry.at,
        address: entry.address.clone(),
        said: entry.said.clone(),
    }
}

impl ServerList for List {
    const GAME: &'static str = GAME;

    type Limits = Limits;
    type Asked = Asked;
    type Work = Ping;
    type Done = Pinged;
    type Listed = Listed;
    type Native = Native;
    type Servers = Announced;

    fn answer(&mut self, asked: Asked, now: Instant, _: SystemTime, orders: &mut Orders) -> Reply {
        let from = asked.from.to_canonical();
        let answered = match asked.announcement {
            Announcement::Gone { port } => Ok(self.remove((from, port), orders)),
            Announcement::Listed { port, said, .. } => {
                self.announce((from, port), *said, asked.resolved, now, orders)
            }
        };
        let (status, text) = answered.unwrap_or_else(|(status, why)| {
            tracing::debug!(client = %from, status, "refused: {why}");
            self.tally.registration(Outcome::refused(status));
            (status, why)
        });
        let body = text.into();
        Reply { status, body }
    }

    fn done(&mut self, pinged: Pinged, now: Instant, orders: &mut Orders) {
        self.pinged(&pinged, now, orders);
    }

    /// Pings servers that have been silent for long, and drops those that are so for too long.
    fn look(&mut self, now: Instant, orders: &mut Orders) {
        self.rates.sweep(now);
        for key in std::mem::take(&mut self.restored) {
            if let Some(entry) = self.servers.get(&key).cloned() {
                orders.list(entry.id, listed(&entry));
                self.ping(key, None, vec![key.0], orders);
            }
        }
        let since = |then: Instant| now.saturating_duration_since(then);
        let mut silent = Vec::new();
        for (key, entry) in &self.servers {
            if since(entry.announced) >= self.limits.lifetime {
                silent.push((*key, true));
            } else if since(entry.proven) >= self.limits.ping_after {
                silent.push((*key, false));
            }
        }
        for (key, too_long) in silent {
            match too_long {
                true => drop(self.unlist(key, orders)),
                false => self.ping(key, None, vec![key.0], orders),
            }
        }
    }

    fn drop_hosts(&mut self, is_banned: &dyn Fn(IpAddr) -> bool, _: Instant, orders: &mut Orders) {
        let listed = self.servers.keys().filter(|key| is_banned(key.0));
        for key in listed.copied().collect::<Vec<Key>>() {
            self.unlist(key, orders);
        }
        self.pinged.retain(|key, _| !is_banned(key.0));
    }

    fn servers(&mut self, natives: &OrdMap<u64, Arc<Native>>) -> Announced {
        let shown = Shown {
            servers: Announced {
                servers: self.servers.clone(),
                most: self.most,
            },
            natives: natives.clone(),
        };
        let Totals { servers, clients } = shown.totals();
        self.most.servers = self.most.servers.max(servers);
        self.most.clients = self.most.clients.max(clients);
        Announced {
            most: self.most,
            ..shown.servers
        }
    }
}

//! The list: what each announcement leads to (`docs/specifications/luanti-serverlist.md`, sections
//! 4, 5 and 7).
//!
//! A pure state machine without socket and clock. A request is a peer that says one thing, is
//! answered, and is closed. The server that it is about is pinged after that, and listed when it
//! has answered.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use imbl::OrdMap;
use metaserve::{address::joinable, bans::Bans, bounds::Rates};
use metaserve_query::luanti::{Announcement, InvalidAnnouncement, Said};

use super::{
    entry::{Entry, Key},
    limits::Limits,
    native::Native,
    page::{Shown, Totals},
    stored::StoredList,
};
use crate::{
    metrics::{LeftOut, Outcome, Question, Tally},
    peers::{self, Chore, ConnectionId, Standing, host},
    web::Reply,
};

/// How often servers are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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

/// What a peer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It sends an announcement.
    Asks(Box<Asked>),
    /// A ping that was asked for has ended, with the time in seconds that the answer took.
    Pinged(Ping, Option<f64>),
    /// It has ended.
    Ended,
}

/// What happens to the list other than by requests.
#[derive(Clone, Debug)]
pub enum News {
    /// A second has passed.
    Second,
    /// Servers of the registry have changed: `Some` says how to show one, and `None` to withdraw it.
    Natives(Vec<(u64, Option<Native>)>),
    /// These are the bans from now on.
    Bans(Arc<Bans>),
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

/// What the list asks for beside answers and listings.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Ask whether a server is there.
    Ping(Ping),
    /// Show this list from now on.
    Show(Shown),
    /// Keep this list for the next run. The two times are of the same moment.
    Keep(Shown, Instant, SystemTime),
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

/// An order of the list to the server.
pub type Effect = peers::Effect<u64, Listed, Errand>;

/// See the [module](self).
#[derive(Debug)]
pub struct List {
    limits: Limits,
    servers: OrdMap<Key, Arc<Entry>>,
    natives: OrdMap<u64, Arc<Native>>,
    /// Pings that have not ended, each with what to list when it is answered.
    pinged: HashMap<Key, Pinged>,
    rates: Rates<Key>,
    bans: Arc<Bans>,
    most: Totals,
    /// The number of the last server, and that of the last ping.
    last: (u64, u64),
    /// Whether the list was shown as it is, and whether it was kept as it is.
    shown: bool,
    kept: bool,
    /// Servers of an earlier run that were not published yet.
    restored: Vec<Key>,
    tally: Tally,
}

/// A ping that has not ended.
#[derive(Debug)]
struct Pinged {
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
            natives: OrdMap::new(),
            pinged: HashMap::new(),
            rates: Rates::default(),
            bans: Arc::default(),
            most: Totals::default(),
            last: (0, 0),
            shown: true,
            kept: true,
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
    /// [`News::Second`], and pinged.
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
            self.shown = false;
        }
    }

    fn answer(&mut self, asked: Asked, now: Instant, effects: &mut Vec<Effect>) -> (u16, String) {
        let from = asked.from.to_canonical();
        let done = match asked.announcement {
            Announcement::Gone { port } => Ok(self.remove((from, port), effects)),
            Announcement::Listed { port, said, .. } => {
                self.announce((from, port), *said, asked.resolved, now, effects)
            }
        };
        match done {
            Ok(answer) => answer,
            Err((status, why)) => {
                tracing::debug!(client = %from, status, "refused: {why}");
                self.tally.registration(Outcome::refused(status));
                (status, why)
            }
        }
    }

    /// A server says that it ends. It is not listed any more, also if its ping is still to come.
    fn remove(&mut self, key: Key, effects: &mut Vec<Effect>) -> (u16, String) {
        let pinged = self.pinged.remove(&key).is_some();
        let listed = self.unlist(key, effects);
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
        effects: &mut Vec<Effect>,
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
        self.ping(key, Some(said), targets, effects);
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
    fn ping(
        &mut self,
        key: Key,
        said: Option<Said>,
        targets: Vec<IpAddr>,
        effects: &mut Vec<Effect>,
    ) {
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
        self.pinged.insert(key, Pinged { number, said });
        self.tally.question(Question::Asked);
        self.tally.open_questions(self.pinged.len());
        let targets = targets.into_iter().take(self.limits.targets);
        effects.push(Effect::Errand(Errand::Ping(Ping {
            key,
            number,
            targets: targets.map(|ip| SocketAddr::new(ip, key.1)).collect(),
        })));
    }

    fn pinged(&mut self, ping: &Ping, took: Option<f64>, now: Instant, effects: &mut Vec<Effect>) {
        let key = ping.key;
        if self
            .pinged
            .get(&key)
            .is_none_or(|it| it.number != ping.number)
        {
            return;
        }
        let said = self.pinged.remove(&key).and_then(|it| it.said);
        self.tally.open_questions(self.pinged.len());
        let Some(took) = took else {
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
                None => drop(self.unlist(key, effects)),
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
            effects.push(listed(changed));
        }
        self.servers.insert(key, entry);
        self.shown = false;
    }

    fn unlist(&mut self, key: Key, effects: &mut Vec<Effect>) -> bool {
        let Some(entry) = self.servers.remove(&key) else {
            return false;
        };
        effects.push(Effect::Unlist(entry.id));
        self.shown = false;
        true
    }

    /// Pings servers that have been silent for long, and drops those that are so for too long.
    fn look(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.rates.sweep(now);
        for key in std::mem::take(&mut self.restored) {
            if let Some(entry) = self.servers.get(&key).cloned() {
                effects.push(listed(&entry));
                self.ping(key, None, vec![key.0], effects);
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
                true => drop(self.unlist(key, effects)),
                false => self.ping(key, None, vec![key.0], effects),
            }
        }
    }

    fn natives_changed(&mut self, changes: Vec<(u64, Option<Native>)>) {
        for (number, native) in changes {
            let room = self.natives.len() < self.limits.natives;
            match native {
                Some(native) if room || self.natives.contains_key(&number) => {
                    self.natives.insert(number, Arc::new(native));
                }
                Some(_) => {
                    self.tally.left_out(LeftOut::Shown);
                    tracing::warn!("a server is not shown: there are too many");
                }
                None => drop(self.natives.remove(&number)),
            }
        }
        self.shown = false;
    }

    fn drop_banned(&mut self, wall: SystemTime, effects: &mut Vec<Effect>) {
        let banned = |key: &&Key| self.bans.covering(key.0, wall).is_some();
        let listed: Vec<Key> = self.servers.keys().filter(banned).copied().collect();
        for key in listed {
            self.unlist(key, effects);
        }
        let bans = Arc::clone(&self.bans);
        self.pinged
            .retain(|key, _| bans.covering(key.0, wall).is_none());
    }

    /// Shows the list if it has changed.
    fn show(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.shown, true) {
            return;
        }
        self.kept = false;
        let totals = self.list().totals();
        let most = &mut self.most;
        most.servers = most.servers.max(totals.servers);
        most.clients = most.clients.max(totals.clients);
        effects.push(Effect::Errand(Errand::Show(self.list())));
    }

    fn list(&self) -> Shown {
        Shown {
            servers: self.servers.clone(),
            natives: self.natives.clone(),
            most: self.most,
        }
    }
}

fn listed(entry: &Entry) -> Effect {
    let listed = Listed {
        at: entry.at,
        address: entry.address.clone(),
        said: entry.said.clone(),
    };
    Effect::List(entry.id, listed)
}

impl peers::Lobby for List {
    type Event = Event;
    type News = News;
    type GameId = u64;
    type Game = Listed;
    type Errand = Errand;

    fn ended() -> Event {
        Event::Ended
    }

    fn handle(&mut self, who: ConnectionId, what: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match what {
            Event::Asks(asked) => {
                let (status, text) = self.answer(*asked, now, &mut effects);
                // The list changes before the answer says that a server was removed.
                self.show(&mut effects);
                let body = text.into();
                effects.push(Effect::Send(who, Reply { status, body }.encode()));
                effects.push(Effect::Close(who));
            }
            Event::Pinged(ping, took) => self.pinged(&ping, took, now, &mut effects),
            Event::Ended => {}
        }
        self.show(&mut effects);
        effects
    }

    fn hear(&mut self, news: News, now: Instant, wall: SystemTime) -> Vec<Effect> {
        let mut effects = Vec::new();
        match news {
            News::Second => self.look(now, &mut effects),
            News::Natives(changes) => self.natives_changed(changes),
            News::Bans(bans) => {
                self.bans = bans;
                self.drop_banned(wall, &mut effects);
            }
        }
        self.show(&mut effects);
        if !std::mem::replace(&mut self.kept, true) {
            effects.push(Effect::Errand(Errand::Keep(self.list(), now, wall)));
        }
        effects
    }

    fn standing(&self, _: ConnectionId) -> Standing {
        Standing::Inside
    }

    fn chores(&self) -> Vec<Chore<News>> {
        vec![Chore {
            first: Duration::ZERO,
            every: LOOK_EVERY,
            news: News::Second,
        }]
    }
}

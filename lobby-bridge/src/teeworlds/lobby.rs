//! What a master does: the pure part. Datagrams in, errands and listings out.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve::bans::Bans;
use metaserve_query::teeworlds::packets::{Token, message, token_answer};

use super::{
    answer,
    checks::{self, Answer, Checks, Due, Home},
    limits::Limits,
    native::Native,
    request::{Request, What},
    servers::{Gone, Listed, Servers},
    tokens::Tokens,
};
use crate::metrics::{Datagram, LeftOut, Outcome, Question, Tally};
use crate::peers::{
    self, Addresses, Chore, ConnectionId, Effects, Flood, Lobby, Saved, Standing, Way, host, saved,
};

/// How often a master looks at what is due.
const TICK: Duration = Duration::from_millis(250);

/// How many servers of the last run are checked at each tick.
const REVIVED: usize = 100;

/// The least time between two writings of the file of servers.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Servers of one host without a setting.
const PER_HOST: usize = 64;

/// What the file of servers says of each.
const VERSION: &str = "0.7";

/// The operator's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which addresses are listed, and as which.
    pub addresses: Addresses,
    /// The limits.
    pub limits: Limits,
}

/// What happens to a master.
#[derive(Clone, Debug)]
pub enum News {
    /// A datagram has come.
    Datagram(Way, Bytes),
    /// Servers of the registry have changed: how to show each now, or not to.
    Natives(Vec<(u64, Option<Native>)>),
    /// Other addresses are banned.
    Bans(Arc<Bans>),
    /// These servers were in the list before a restart.
    Saved(Vec<Saved>),
    /// Time has passed.
    Tick,
}

/// What a master asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Send this datagram.
    Say(Way, Bytes),
    /// Send a client this list.
    Answer(Way, Vec<Bytes>),
    /// Keep these servers over a restart.
    Save(String),
}

type Effect = peers::Effect<u64, Listed, Errand>;

/// A master server. See the [module](super).
#[derive(Debug)]
pub struct Master {
    rules: Rules,
    tokens: Tokens,
    servers: Servers,
    checks: Checks,
    flood: Flood,
    natives: HashMap<u64, Native>,
    /// All addresses to show, until they change.
    shown: Option<Vec<SocketAddr>>,
    bans: Arc<Bans>,
    /// Servers of the last run that were not checked yet.
    saved: VecDeque<Saved>,
    /// Whether the file of servers is out of date, and when it was written.
    is_unsaved: bool,
    saved_at: Option<Instant>,
    rng: fastrand::Rng,
    tally: Tally,
}

impl Master {
    /// A master without servers. Nobody may be able to guess the seed.
    #[must_use]
    pub fn new(rules: Rules, seed: [u8; 32]) -> Self {
        // Only the order of lists depends on it.
        let rng = fastrand::Rng::with_seed(seed.iter().map(|byte| u64::from(*byte)).sum());
        Self {
            rules,
            tokens: Tokens::from_seed(seed),
            servers: Servers::default(),
            checks: Checks::default(),
            flood: Flood::default(),
            natives: HashMap::new(),
            shown: None,
            bans: Arc::default(),
            saved: VecDeque::new(),
            is_unsaved: false,
            saved_at: None,
            rng,
            tally: Tally::default(),
        }
    }

    /// Counts what comes, and what becomes of it.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// The servers in the list that have passed their checks.
    #[must_use]
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// How many addresses are being checked for the first time.
    #[must_use]
    pub const fn unproved(&self) -> usize {
        self.checks.unlisted()
    }

    fn datagram(&mut self, way: Way, datagram: &[u8], now: Instant) -> Vec<Effect> {
        if way.is_beside() {
            return self.answered(way.peer(), datagram, now);
        }
        match Request::read(datagram) {
            Some(Request::Token(theirs)) => {
                self.tally.datagram(Datagram::Accepted);
                let lifetime = self.rules.limits.token_time;
                let ours = self.tokens.of(way.peer(), lifetime, now);
                vec![say(way, token_answer(theirs, ours).into())]
            }
            Some(Request::Said { to, from, what }) => {
                let lifetime = self.rules.limits.token_time;
                match self.tokens.accepts(to, way.peer(), lifetime, now) {
                    true => self.said(way, (to, from), what, now),
                    false => {
                        self.tally.datagram(Datagram::Unasked);
                        Vec::new()
                    }
                }
            }
            None => {
                self.tally.datagram(Datagram::Malformed);
                Vec::new()
            }
        }
    }

    /// A peer that has proved its address says something. It is answered with the tokens that it
    /// has used.
    fn said(
        &mut self,
        way: Way,
        (ours, theirs): (Token, Token),
        what: What,
        now: Instant,
    ) -> Vec<Effect> {
        match what {
            What::Count => {
                self.tally.datagram(Datagram::Accepted);
                let count = self.shown().len();
                vec![say(way, answer::count(theirs, ours, count))]
            }
            What::List => {
                let peer = way.peer();
                if !self.flood.allows(peer.ip(), &self.rules.limits.lists, now) {
                    self.tally.datagram(Datagram::Rate);
                    tracing::debug!(%peer, "no list: it has asked too often");
                    return Vec::new();
                }
                self.tally.datagram(Datagram::Accepted);
                let mut servers = self.shown().to_vec();
                // Nobody is always the first.
                self.rng.shuffle(&mut servers);
                let datagrams = answer::list(theirs, ours, &servers);
                vec![Effect::Errand(Errand::Answer(way, datagrams))]
            }
            What::Heartbeat(port) => {
                self.tally.datagram(Datagram::Accepted);
                self.heartbeat(way, (way, theirs), port, now)
            }
        }
    }

    /// A heartbeat proves nothing about the port that it names: the server there is checked, and
    /// listed or kept if it answers.
    fn heartbeat(&mut self, way: Way, home: Home, port: u16, now: Instant) -> Vec<Effect> {
        let server = way.to_port(port);
        if self.checks.contains(server.peer()) {
            self.checks.called(server.peer(), home);
            self.tally.registration(Outcome::Rate);
            return Vec::new();
        }
        self.check(server, Some(home), now).into_iter().collect()
    }

    /// Begins to check a server, if it may be listed and there is room for it.
    fn check(&mut self, server: Way, home: Option<Home>, now: Instant) -> Option<Effect> {
        if self.rules.addresses.shown(server.peer()).is_none() {
            self.tally.registration(Outcome::Address);
            return None;
        }
        let is_listed = self.servers.contains(server.peer());
        if !is_listed && !self.has_room(server.peer()) {
            self.tally.registration(Outcome::Full);
            return None;
        }
        self.tally.registration(Outcome::Unproved);
        let (limits, way, ours) = (&self.rules.limits, server.beside(), self.tokens.check());
        let question = self.checks.begin(way, home, ours, is_listed, limits, now);
        Some(say(way, question))
    }

    /// Whether one more server at this address can be listed.
    fn has_room(&self, server: SocketAddr) -> bool {
        let limits = &self.rules.limits;
        let host = host(server.ip());
        let of_host = self.servers.of_host(host) + self.checks.of_host(host);
        let most = match limits.servers_per_host {
            Some(most) => most,
            None if server.ip().is_loopback() => usize::MAX,
            None => PER_HOST,
        };
        of_host < most && self.servers.len() + self.checks.unlisted() < limits.servers
    }

    /// A datagram has come to the second socket: it counts only as the answer to a check.
    fn answered(&mut self, server: SocketAddr, datagram: &[u8], now: Instant) -> Vec<Effect> {
        let limits = &self.rules.limits;
        let answer = self.checks.answered(server, datagram, limits, now);
        self.tally.datagram(match answer {
            Some(_) => Datagram::Accepted,
            None => Datagram::Unasked,
        });
        if answer.is_some() {
            self.tally.question(Question::Answered);
        }
        match answer {
            None => Vec::new(),
            Some(Answer::Say(way, question)) => vec![say(way, question)],
            Some(Answer::Proved(home, way, question)) => {
                let Some(address) = self.rules.addresses.shown(server) else {
                    return Vec::new();
                };
                let is_new = self.servers.proved(server, address, limits, now);
                self.tally.registration(match is_new {
                    true => Outcome::Listed,
                    false => Outcome::Kept,
                });
                if is_new {
                    (self.shown, self.is_unsaved) = (None, true);
                    tracing::debug!(%server, "listed");
                }
                self.checks.listed(server);
                let told = home.map(|home| self.verdict(home, *b"fwok", now));
                told.into_iter().chain([say(way, question)]).collect()
            }
            Some(Answer::Described(answer)) => {
                let news = self.servers.described(server, answer);
                let list = news.map(|(id, listed)| Effect::List(id, listed));
                list.into_iter().collect()
            }
        }
    }

    /// Tells a server the result of its check, in the place from which it has called.
    fn verdict(&mut self, (way, theirs): Home, word: [u8; 4], now: Instant) -> Effect {
        let lifetime = self.rules.limits.token_time;
        let ours = self.tokens.of(way.peer(), lifetime, now);
        say(way, message(theirs, ours, word, b"").into())
    }

    /// All addresses to show to clients, each of them once.
    fn shown(&mut self) -> &[SocketAddr] {
        let (servers, natives) = (&self.servers, &self.natives);
        self.shown.get_or_insert_with(|| {
            let natives = natives.values().flat_map(|it| &it.addresses).copied();
            let all: HashSet<SocketAddr> = servers.addresses().chain(natives).collect();
            all.into_iter().collect()
        })
    }

    fn natives_changed(&mut self, changes: Vec<(u64, Option<Native>)>) {
        self.shown = None;
        for (id, native) in changes {
            let has_room = self.natives.len() < self.rules.limits.natives;
            match native {
                None => drop(self.natives.remove(&id)),
                Some(native) if has_room || self.natives.contains_key(&id) => {
                    self.natives.insert(id, native);
                }
                Some(native) => {
                    self.tally.left_out(LeftOut::Shown);
                    tracing::warn!(server = ?native.addresses, "not shown to players: there are too many servers");
                }
            }
        }
    }

    fn gone(&mut self, gone: Gone) -> Vec<Effect> {
        if gone.servers > 0 {
            (self.shown, self.is_unsaved) = (None, true);
        }
        gone.published.into_iter().map(Effect::Unlist).collect()
    }

    fn banned(&mut self, bans: Arc<Bans>, wall: SystemTime) -> Vec<Effect> {
        self.bans = bans;
        let is_banned = |ip| self.bans.covering(ip, wall).is_some();
        let gone = self.servers.expel(is_banned, &self.rules.limits);
        self.gone(gone)
    }

    fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let gone = self.servers.expire(&self.rules.limits, now);
        let mut effects = self.gone(gone);
        for due in self.checks.due(&self.rules.limits, now) {
            match due {
                Due::Ask(way, question) => effects.push(say(way, question)),
                Due::Again(way, home) => effects.extend(self.check(way, home, now)),
                Due::Failed(server, home) => {
                    self.tally.question(Question::Unanswered);
                    self.tally.registration(Outcome::Unanswered);
                    tracing::debug!(%server, "not listed: it does not answer from behind its firewall");
                    effects.extend(home.map(|home| self.verdict(home, *b"fwer", now)));
                }
            }
        }
        self.tally.open_questions(self.checks.running());
        let saved = self.saved.len().min(REVIVED);
        let saved: Vec<Saved> = self.saved.drain(..saved).collect();
        for (server, _) in saved {
            if !self.checks.contains(server) {
                effects.extend(self.check(Way::to(server), None, now));
            }
        }
        effects.extend(self.save(now));
        effects
    }

    /// Has the file of servers written, now and then, but not while those of the last run may still
    /// answer.
    fn save(&mut self, now: Instant) -> Option<Effect> {
        let last_run = checks::longest(&self.rules.limits);
        let last = *self.saved_at.get_or_insert(now + last_run);
        if !self.is_unsaved || !self.saved.is_empty() || now < last + SAVE_EVERY {
            return None;
        }
        (self.is_unsaved, self.saved_at) = (false, Some(now));
        let servers = self.servers.proved_addresses();
        let servers = saved::written(servers.map(|it| (it, VERSION)));
        Some(Effect::Errand(Errand::Save(servers)))
    }
}

fn say(way: Way, datagram: Bytes) -> Effect {
    Effect::Errand(Errand::Say(way, datagram))
}

impl Lobby for Master {
    type Event = ();
    type News = News;
    type GameId = u64;
    type Game = Listed;
    type Errand = Errand;

    /// Peers of datagrams do not come and go.
    fn ended() {}

    fn handle(&mut self, _: ConnectionId, (): (), _: Instant) -> Effects<Self> {
        Vec::new()
    }

    fn hear(&mut self, news: News, now: Instant, wall: SystemTime) -> Effects<Self> {
        match news {
            News::Datagram(way, datagram) => self.datagram(way, &datagram, now),
            News::Natives(changes) => {
                self.natives_changed(changes);
                Vec::new()
            }
            News::Bans(bans) => self.banned(bans, wall),
            News::Saved(servers) => {
                self.saved.extend(servers);
                Vec::new()
            }
            News::Tick => self.tick(now),
        }
    }

    fn standing(&self, _: ConnectionId) -> Standing {
        Standing::Closing
    }

    fn chores(&self) -> Vec<Chore<News>> {
        vec![Chore::every(TICK, News::Tick)]
    }
}

//! What a master does: the pure part. Datagrams in, errands and listings out.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve::bans::Bans;

use super::{
    dialect::Dialect,
    games::{Games, Tag},
    limits::Limits,
    listing::{Native, NativeChange},
    message::Message,
    pending::{Caller, Challenges, Pending},
    servers::{Due, Listed, Servers},
};
use crate::metrics::{Datagram, Outcome, Question, Tally};
use crate::peers::{
    self, Addresses, Chore, ConnectionId, Effects, Flood, Lobby, Saved, Standing, Way, host, saved,
};

/// How often a master looks at what is due.
const TICK: Duration = Duration::from_millis(250);

/// How many servers of the last run are asked at each tick.
const REVIVED: usize = 100;

/// The least time between two writings of the file of servers.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Servers of one host without a setting.
const PER_HOST: usize = 64;

/// The operator's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The protocol.
    pub dialect: Dialect,
    /// The games.
    pub games: Games,
    /// Which addresses are listed, and as which.
    pub addresses: Addresses,
    /// The limits.
    pub limits: Limits,
}

impl Rules {
    /// The rules of a dialect without settings, with its own games.
    #[must_use]
    pub fn of(dialect: Dialect) -> Self {
        Self {
            dialect,
            games: dialect.speech().games(&[]),
            ..Self::default()
        }
    }
}

/// What happens to a master.
#[derive(Clone, Debug)]
pub enum News {
    /// A datagram has come.
    Datagram(Way, Bytes),
    /// Servers of the registry have changed.
    Natives(Vec<NativeChange>),
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
    /// Send a server this question.
    Ask(Way, Bytes),
    /// Send a client this list.
    Answer(Way, Vec<Bytes>),
    /// Keep these servers over a restart.
    Save(String),
}

pub(super) type Effect = peers::Effect<u64, Listed, Errand>;

/// A master server. See the [module](super).
#[derive(Debug)]
pub struct Master {
    pub(super) rules: Rules,
    pub(super) servers: Servers,
    pub(super) pending: Pending,
    challenges: Challenges,
    pub(super) flood: Flood,
    pub(super) natives: HashMap<u64, Native>,
    bans: Arc<Bans>,
    /// Servers of the last run that were not asked yet.
    saved: VecDeque<Saved>,
    /// Whether the file of servers is out of date, and when it was written.
    pub(super) is_unsaved: bool,
    saved_at: Option<Instant>,
    pub(super) rng: fastrand::Rng,
    /// The order of lists that come in pages.
    pub(super) order: u64,
    pub(super) tally: Tally,
}

impl Master {
    /// A master without servers. Nobody may be able to guess the seed.
    #[must_use]
    pub fn new(rules: Rules, seed: [u8; 32]) -> Self {
        let challenges = Challenges::from_seed(seed);
        // Only the order of lists depends on it.
        let mut rng = fastrand::Rng::with_seed(seed.iter().map(|byte| u64::from(*byte)).sum());
        let order = rng.u64(..);
        Self {
            rules,
            servers: Servers::default(),
            pending: Pending::default(),
            challenges,
            flood: Flood::default(),
            natives: HashMap::new(),
            bans: Arc::default(),
            saved: VecDeque::new(),
            is_unsaved: false,
            saved_at: None,
            rng,
            order,
            tally: Tally::default(),
        }
    }

    /// Counts what comes, and what becomes of it.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// The servers in the list that have proved their addresses.
    #[must_use]
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// How many addresses were asked, and have neither answered nor been forgotten.
    #[must_use]
    pub const fn unproved(&self) -> usize {
        self.pending.unlisted()
    }

    fn datagram(&mut self, way: Way, datagram: &[u8], now: Instant) -> Vec<Effect> {
        match self.rules.dialect.speech().read(datagram) {
            Some(Message::Heartbeat(tag)) => self.heartbeat(&Caller::new(way, tag), now),
            Some(Message::Challenge(tag, echo)) => {
                let echo = Some(echo);
                self.heartbeat(&Caller { way, tag, echo }, now)
            }
            Some(Message::Ends(game)) => {
                self.tally.datagram(Datagram::Accepted);
                self.ends(way.peer(), game, now);
                Vec::new()
            }
            Some(Message::Info(datagram)) => self.info(way, datagram, now),
            Some(Message::More(datagram)) => self.more(way, datagram, now),
            Some(Message::Ping(answer)) => self.ping(way, answer, now),
            Some(Message::Request(request)) => self.request(way, &request, now),
            Some(Message::Page(page)) => self.page(way, &page, now),
            None => {
                self.tally.datagram(Datagram::Malformed);
                Vec::new()
            }
        }
    }

    /// A heartbeat proves nothing: the server is asked, and if it is listed, it has to answer.
    fn heartbeat(&mut self, caller: &Caller<'_>, now: Instant) -> Vec<Effect> {
        let server = caller.way.peer();
        let limits = &self.rules.limits;
        self.tally.datagram(Datagram::Accepted);
        match self.rules.games.tag(caller.tag) {
            None => return self.refused(Outcome::Game),
            Some(Tag::Ends(game)) => {
                let game = game.to_owned();
                self.ends(server, Some(&game), now);
                return Vec::new();
            }
            Some(Tag::Alive(_)) => {}
        }
        let speech = self.rules.dialect.speech();
        let shown = self.rules.addresses.shown(server);
        let is_wanted = shown.is_some_and(|it| speech.carries(it));
        let is_known = self.servers.get(server).is_some() || self.pending.contains(server);
        if !is_wanted {
            return self.refused(Outcome::Address);
        }
        if !is_known && !self.has_room(server) {
            return self.refused(Outcome::Full);
        }
        self.servers.called(server, limits, now);
        let asked = self.ask(caller, now);
        self.tally.registration(match asked {
            Some(_) => Outcome::Unproved,
            None => Outcome::Rate,
        });
        asked.into_iter().collect()
    }

    /// Counts a server that is not listed, and does nothing more about it.
    pub(super) fn refused(&self, why: Outcome) -> Vec<Effect> {
        self.tally.registration(why);
        Vec::new()
    }

    /// A server says that it ends: if it is listed, it leaves unless it answers.
    fn ends(&mut self, server: SocketAddr, game: Option<&str>, now: Instant) {
        let listed = self.servers.get(server);
        let is_of = |it: &Listed| game.is_none_or(|game| it.description.info.gamename == game);
        let is_listed = listed.is_some_and(is_of);
        if is_listed {
            self.servers.called(server, &self.rules.limits, now);
        }
        self.tally.registration(match is_listed {
            true => Outcome::Unlisted,
            false => Outcome::NotListed,
        });
    }

    /// Whether one more server at this address can be listed.
    fn has_room(&self, server: SocketAddr) -> bool {
        let limits = &self.rules.limits;
        let host = host(server.ip());
        let of_host = self.servers.of_host(host) + self.pending.of_host(host);
        let most = match limits.servers_per_host {
            Some(most) => most,
            None if server.ip().is_loopback() => usize::MAX,
            None => PER_HOST,
        };
        of_host < most && self.servers.len() + self.pending.unlisted() < limits.servers
    }

    fn ask(&mut self, caller: &Caller<'_>, now: Instant) -> Option<Effect> {
        let is_listed = self.servers.get(caller.way.peer()).is_some();
        let (limits, challenges) = (&self.rules.limits, &mut self.challenges);
        let asked = self.pending.ask(caller, is_listed, challenges, limits, now);
        let (challenge, echo) = asked?;
        let question = self.rules.dialect.speech().question(&challenge, echo);
        Some(Effect::Errand(Errand::Ask(caller.way, question)))
    }

    fn banned(&mut self, bans: Arc<Bans>, wall: SystemTime) -> Vec<Effect> {
        self.bans = bans;
        let is_banned = |ip| self.bans.covering(ip, wall).is_some();
        let gone = self.servers.expel(is_banned, &self.rules.limits);
        self.is_unsaved |= !gone.is_empty();
        gone.into_iter().map(Effect::Unlist).collect()
    }

    fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        for due in self.servers.due(&self.rules.limits, now) {
            match due {
                Due::Ask(way, tag) => {
                    effects.extend(self.ask(&Caller::new(way, &tag), now));
                    // Where the first question needs a heartbeat, this one shows who is there.
                    effects.extend(self.ask_more(way.peer(), now));
                }
                Due::Gone(id) => {
                    self.is_unsaved = true;
                    effects.push(Effect::Unlist(id));
                }
            }
        }
        let (again, unanswered) = self.pending.due(&self.rules.limits, now);
        for _ in 0..unanswered {
            self.tally.question(Question::Unanswered);
        }
        self.tally.open_questions(self.pending.open());
        for (way, tag) in again {
            effects.extend(self.ask(&Caller::new(way, &tag), now));
        }
        let saved = self.saved.len().min(REVIVED);
        let saved: Vec<Saved> = self.saved.drain(..saved).collect();
        for (server, tag) in saved {
            effects.extend(self.heartbeat(&Caller::new(Way::to(server), &tag), now));
        }
        effects.extend(self.save(now));
        effects
    }

    /// Has the file of servers written, now and then, but not while those of the last run may still
    /// answer.
    fn save(&mut self, now: Instant) -> Option<Effect> {
        let last = *self
            .saved_at
            .get_or_insert(now + self.rules.limits.challenge_time);
        if !self.is_unsaved || !self.saved.is_empty() || now < last + SAVE_EVERY {
            return None;
        }
        (self.is_unsaved, self.saved_at) = (false, Some(now));
        let servers = saved::written(self.servers.tags());
        Some(Effect::Errand(Errand::Save(servers)))
    }
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

//! What a master does: the pure part. Datagrams in, errands and listings out.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve::{address::Family, bans::Bans};

use super::{
    dialect::Dialect,
    games::{Games, Tag},
    limits::Limits,
    listing::{Native, NativeChange},
    message::Message,
    pending::{Challenges, Pending},
    quakeworld::ACK,
    request::Request,
    servers::{Became, Due, Listed, Servers},
};
use crate::metrics::{Datagram, LeftOut, Outcome, Question, Tally};
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
    /// The rules of a master with its own games, and everything else as by default.
    #[must_use]
    pub fn of(dialect: Dialect) -> Self {
        Self {
            dialect,
            games: dialect.games().unwrap_or_default(),
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

type Effect = peers::Effect<u64, Listed, Errand>;

/// A master server. See the [module](super).
#[derive(Debug)]
pub struct Master {
    rules: Rules,
    servers: Servers,
    pending: Pending,
    challenges: Challenges,
    flood: Flood,
    natives: HashMap<u64, Native>,
    bans: Arc<Bans>,
    /// Servers of the last run that were not asked yet.
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
        let challenges = Challenges::from_seed(seed);
        // Only the order of lists depends on it.
        let rng = fastrand::Rng::with_seed(seed.iter().map(|byte| u64::from(*byte)).sum());
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
        match self.rules.dialect.read(datagram) {
            Some(Message::Heartbeat(tag)) => self.heartbeat(way, tag, now),
            Some(Message::Ends(game)) => {
                self.tally.datagram(Datagram::Accepted);
                self.ends(way.peer(), game, now);
                Vec::new()
            }
            // It costs others no more than a list does.
            Some(Message::Ping) if !self.may_be_told(way, now) => Vec::new(),
            Some(Message::Ping) => {
                self.tally.datagram(Datagram::Accepted);
                vec![Effect::Errand(Errand::Answer(way, vec![ACK]))]
            }
            Some(Message::Info(datagram)) => self.info(way, datagram, now),
            Some(Message::Request(request)) => self.request(way, &request, now),
            None => {
                self.tally.datagram(Datagram::Malformed);
                Vec::new()
            }
        }
    }

    /// A heartbeat proves nothing: the server is asked, and if it is listed, it has to answer.
    fn heartbeat(&mut self, way: Way, tag: &str, now: Instant) -> Vec<Effect> {
        let server = way.peer();
        let limits = &self.rules.limits;
        self.tally.datagram(Datagram::Accepted);
        match self.rules.games.tag(tag) {
            None => return self.refused(Outcome::Game),
            Some(Tag::Ends(game)) => {
                let game = game.to_owned();
                self.ends(server, &game, now);
                return Vec::new();
            }
            Some(Tag::Alive(_)) => {}
        }
        let dialect = self.rules.dialect;
        let shown = self.rules.addresses.shown(server);
        let is_wanted = shown.is_some_and(|it| dialect.carries(it));
        let is_known = self.servers.get(server).is_some() || self.pending.contains(server);
        if !is_wanted {
            return self.refused(Outcome::Address);
        }
        if !is_known && !self.has_room(server) {
            return self.refused(Outcome::Full);
        }
        self.servers.called(server, limits, now);
        let asked = self.ask(way, tag, now);
        self.tally.registration(match asked {
            Some(_) => Outcome::Unproved,
            None => Outcome::Rate,
        });
        asked.into_iter().collect()
    }

    /// Counts a server that is not listed, and does nothing more about it.
    fn refused(&self, why: Outcome) -> Vec<Effect> {
        self.tally.registration(why);
        Vec::new()
    }

    /// A server says that it ends: if it is listed, it leaves unless it answers.
    fn ends(&mut self, server: SocketAddr, game: &str, now: Instant) {
        let listed = self.servers.get(server);
        let is_listed = listed.is_some_and(|it| it.description.info.gamename == game);
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

    fn ask(&mut self, way: Way, tag: &str, now: Instant) -> Option<Effect> {
        let is_listed = self.servers.get(way.peer()).is_some();
        let (limits, challenges) = (&self.rules.limits, &mut self.challenges);
        let challenge = self
            .pending
            .ask((way, tag), is_listed, challenges, limits, now)?;
        Some(Effect::Errand(Errand::Ask(
            way,
            self.rules.dialect.question(&challenge),
        )))
    }

    /// Lists a server that has repeated its challenge and says all that is needed. Anything else
    /// changes nothing.
    fn info(&mut self, way: Way, datagram: &[u8], now: Instant) -> Vec<Effect> {
        let server = way.peer();
        let Rules {
            dialect,
            games,
            addresses,
            limits,
        } = &self.rules;
        let Some(told) = dialect.told(datagram) else {
            self.tally.datagram(Datagram::Malformed);
            return Vec::new();
        };
        let challenge = told.challenge().unwrap_or_default();
        let challenge = dialect.repeats_challenges().then_some(challenge);
        let Some(tag) = self.pending.proved(server, challenge, limits, now) else {
            self.tally.datagram(Datagram::Unasked);
            return Vec::new();
        };
        self.tally.datagram(Datagram::Accepted);
        self.tally.question(Question::Answered);
        let tag = tag.to_owned();
        self.pending.answered(server);
        let Some(Tag::Alive(expected)) = games.tag(&tag) else {
            return self.refused(Outcome::Game);
        };
        let Some(description) = dialect.description(&told, expected, datagram) else {
            tracing::debug!(%server, "not listed: its answer is incomplete");
            return self.refused(Outcome::Malformed);
        };
        if !games.accepts(&description.info.gamename) {
            return self.refused(Outcome::Game);
        }
        let Some((address, game)) = addresses.shown(server).zip(games.game(&description)) else {
            return self.refused(Outcome::Address);
        };
        let listed = Listed {
            address,
            game,
            description,
        };
        let became = self
            .servers
            .answered((way, &tag), listed.clone(), limits, now);
        self.pending.listed(server);
        self.tally.registration(match became {
            Became::New(_) | Became::Replaced(..) => Outcome::Listed,
            Became::Same | Became::Changed(_) => Outcome::Kept,
        });
        match became {
            Became::Same => Vec::new(),
            Became::New(id) => {
                self.is_unsaved = true;
                tracing::debug!(%server, game = %listed.game, "listed");
                vec![Effect::List(id, listed)]
            }
            Became::Changed(id) => vec![Effect::List(id, listed)],
            Became::Replaced(old, id) => {
                self.is_unsaved = true;
                vec![Effect::Unlist(old), Effect::List(id, listed)]
            }
        }
    }

    /// Answers a well-formed request for an accepted game, also with an empty list.
    fn request(&mut self, way: Way, request: &Request<'_>, now: Instant) -> Vec<Effect> {
        let games = &self.rules.games;
        let game = request.game(games);
        if game.is_some_and(|game| !games.accepts(game)) {
            self.tally.datagram(Datagram::Game);
            return Vec::new();
        }
        if !self.may_be_told(way, now) {
            return Vec::new();
        }
        self.tally.datagram(Datagram::Accepted);
        let games = &self.rules.games;
        let ours = self.servers.iter();
        let ours = ours.map(|it| (&it.description.info, std::slice::from_ref(&it.address)));
        let natives = self.natives.values().map(|it| (&it.info, &*it.addresses));
        let wanted = ours
            .chain(natives)
            .filter(|(info, _)| request.wants(info, games));
        let addresses = wanted.flat_map(|(_, addresses)| addresses);
        let addresses = addresses.filter(|it| request.wants_family(Family::of(it.ip())));
        let addresses: HashSet<SocketAddr> = addresses.copied().collect();
        let mut addresses: Vec<SocketAddr> = addresses.into_iter().collect();
        // Nobody is always the first.
        self.rng.shuffle(&mut addresses);
        let datagrams = self.rules.dialect.list(addresses, request.is_extended);
        vec![Effect::Errand(Errand::Answer(way, datagrams))]
    }

    /// Whether an address gets one more answer that it has not proved to want.
    fn may_be_told(&mut self, way: Way, now: Instant) -> bool {
        let peer = way.peer();
        let allowed = self.flood.allows(peer.ip(), &self.rules.limits.lists, now);
        if !allowed {
            self.tally.datagram(Datagram::Rate);
            tracing::debug!(%peer, "no list: it has asked too often");
        }
        allowed
    }

    fn natives_changed(&mut self, changes: Vec<NativeChange>) {
        for change in changes {
            match change {
                NativeChange::Show(id, native) => {
                    let has_room = self.natives.len() < self.rules.limits.natives;
                    if has_room || self.natives.contains_key(&id) {
                        self.natives.insert(id, native);
                    } else {
                        self.tally.left_out(LeftOut::Shown);
                        tracing::warn!(server = ?native.addresses, "not shown to players: there are too many servers");
                    }
                }
                NativeChange::Withdraw(id) => drop(self.natives.remove(&id)),
            }
        }
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
                Due::Ask(way, tag) => effects.extend(self.ask(way, &tag, now)),
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
            effects.extend(self.ask(way, &tag, now));
        }
        let saved = self.saved.len().min(REVIVED);
        let saved: Vec<Saved> = self.saved.drain(..saved).collect();
        for (server, tag) in saved {
            effects.extend(self.heartbeat(Way::to(server), &tag, now));
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

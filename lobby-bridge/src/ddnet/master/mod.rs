//! The list: what each request leads to (`docs/specifications/ddnet-register.md`, sections 3 to 6).
//!
//! A pure state machine without socket, clock and random numbers. A request is a peer that says one
//! thing, is answered, and is closed.

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use imbl::OrdMap;
use metaserve::{address::joinable, bans::Bans, bounds::Rates};

use super::{
    address::Address,
    entries::{Entries, Entry, Servers},
    info::Info,
    limits::Limits,
    list::Shown,
    native::Native,
    request::{Action, Answer, Registration, Request, Secret},
    stored::Stored,
    tokens::{Proof, Tokens},
};
use crate::{
    metrics::{LeftOut, Outcome, Tally},
    peers::{self, Chore, ConnectionId, Standing},
};

/// How often addresses that have expired are looked for, and what has changed is kept.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a peer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It sends a request. The wall-clock time says how old its token is.
    Asks(Box<Request>, SystemTime),
    /// It has ended.
    Ended,
}

/// What happens to the list other than by requests.
#[derive(Clone, Debug)]
pub enum News {
    /// A second has passed.
    Second,
    /// Servers of the registry have changed.
    ///
    /// Each has a number: `Some` says how to show it, and `None` to withdraw it.
    Natives(Vec<(u64, Option<Native>)>),
    /// These are the bans from now on.
    Bans(Arc<Bans>),
}

/// What the list asks for beside answers and listings.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Send this datagram to a server.
    Challenge(SocketAddr, Bytes),
    /// Show this list from now on.
    Show(Shown),
    /// Keep these servers for the next run. The two times are of the same moment.
    Keep(Servers, Instant, SystemTime),
}

/// A server, as it is passed on to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its addresses, sorted; at least one.
    pub addresses: Vec<Address>,
    /// Its information.
    pub info: Info,
}

/// An order of the list to the server.
pub type Effect = peers::Effect<u64, Listed, Errand>;

/// See the [module](self).
#[derive(Debug)]
pub struct Master {
    limits: Limits,
    tokens: Tokens,
    entries: Entries,
    natives: OrdMap<u64, Arc<Native>>,
    challenges: Rates<Address>,
    bans: Arc<Bans>,
    /// Whether the kept servers are older than these.
    unkept: bool,
    tally: Tally,
}

impl Master {
    /// Makes a list without servers. Tokens are good if they were made from the same `seed`.
    #[must_use]
    pub fn new(limits: Limits, seed: &[u8; 32]) -> Self {
        Self {
            tokens: Tokens::from_seed(seed),
            entries: Entries::new(limits.clone()),
            natives: OrdMap::new(),
            challenges: Rates::default(),
            bans: Arc::default(),
            unkept: false,
            limits,
            tally: Tally::default(),
        }
    }

    /// Counts what becomes of requests.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// Puts back the servers of an earlier run. They are shown with the first [`News::Second`],
    /// with those of their addresses that are still good.
    pub fn restore(&mut self, stored: Vec<Stored>, now: Instant, wall: SystemTime) {
        for server in stored {
            let Some(secret) = Secret::new(&server.secret) else {
                continue;
            };
            let Ok(info) = Info::parse(server.info.get().as_bytes()) else {
                continue;
            };
            let addresses = server.addresses(now, wall);
            self.entries
                .restore(&secret, server.serial, info, addresses, now);
        }
    }

    fn answer(
        &mut self,
        request: &Request,
        wall: SystemTime,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let Request {
            address,
            secret,
            action,
        } = request;
        let answered = match action {
            Action::Delete => self.entries.delete(address, secret, now),
            Action::Register(asked) => self.register(*address, secret, asked, wall, now, effects),
        };
        answered.err().unwrap_or(Answer::Success)
    }

    fn register(
        &mut self,
        address: Address,
        secret: &Secret,
        asked: &Registration,
        wall: SystemTime,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Answer> {
        joinable(address.at).map_err(|why| Answer::refused(why.to_string()))?;
        let token = asked.challenge_token.as_deref().unwrap_or_default();
        let proof = self.tokens.check(token, &address, wall);
        if proof != Proof::Good {
            self.challenge(&address, asked, wall, now, effects);
        }
        if proof == Proof::None {
            return Err(Answer::NeedChallenge);
        }
        self.entries.register(address, secret, asked, now)
    }

    /// Sends a challenge, unless the address was sent some just now.
    fn challenge(
        &mut self,
        address: &Address,
        asked: &Registration,
        wall: SystemTime,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let (each, at_once) = (self.limits.challenge_every, self.limits.challenges_at_once);
        if self.challenges.spend(*address, each, at_once, now).is_ok() {
            let datagram = self.tokens.challenge(address, asked, wall);
            effects.push(Effect::Errand(Errand::Challenge(address.at, datagram)));
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
    }

    /// Shows and publishes what looks different now.
    fn publish(&mut self, effects: &mut Vec<Effect>) {
        let (changed, ended) = self.entries.changed();
        if changed.is_empty() && ended.is_empty() {
            return;
        }
        self.unkept = true;
        effects.extend(changed.iter().map(|entry| listed(entry)));
        effects.extend(ended.into_iter().map(Effect::Unlist));
        effects.push(self.show());
    }

    fn show(&self) -> Effect {
        Effect::Errand(Errand::Show(Shown {
            servers: self.entries.servers().clone(),
            natives: self.natives.clone(),
        }))
    }
}

fn listed(entry: &Entry) -> Effect {
    if entry.addresses.is_empty() {
        return Effect::Unlist(entry.id);
    }
    let listed = Listed {
        addresses: entry.addresses.keys().copied().collect(),
        info: entry.info.clone(),
    };
    Effect::List(entry.id, listed)
}

impl peers::Lobby for Master {
    type Event = Event;
    type News = News;
    type GameId = u64;
    type Game = Listed;
    type Errand = Errand;

    fn ended() -> Event {
        Event::Ended
    }

    fn handle(&mut self, who: ConnectionId, what: Event, now: Instant) -> Vec<Effect> {
        let Event::Asks(request, wall) = what else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        let is_new = !self.entries.has(&request.address);
        let answer = self.answer(&request, wall, now, &mut effects);
        self.unkept |= answer == Answer::Success;
        self.tally.registration(match (&answer, &request.action) {
            (Answer::Success, Action::Delete) => Outcome::Unlisted,
            (Answer::Error(400, _), Action::Delete) => Outcome::NotListed,
            (Answer::Success, Action::Register(_)) if is_new => Outcome::Listed,
            _ => answer.outcome(),
        });
        match &answer {
            Answer::Error(status, why) => {
                tracing::debug!(address = %request.address, status, "refused: {why}");
            }
            _ => tracing::trace!(address = %request.address, ?answer, "answered"),
        }
        // The list changes before the answer says that a server was registered.
        self.publish(&mut effects);
        effects.push(Effect::Send(who, answer.reply().encode()));
        effects.push(Effect::Close(who));
        effects
    }

    fn hear(&mut self, news: News, now: Instant, wall: SystemTime) -> Vec<Effect> {
        let mut effects = Vec::new();
        match news {
            News::Second => {
                self.challenges.sweep(now);
                self.entries.expire(now);
            }
            News::Natives(changes) => {
                self.natives_changed(changes);
                effects.push(self.show());
            }
            News::Bans(bans) => {
                self.bans = bans;
                let bans = Arc::clone(&self.bans);
                let banned = |ip| bans.covering(ip, wall).is_some();
                self.entries.drop_hosts(banned, now);
            }
        }
        self.publish(&mut effects);
        if std::mem::take(&mut self.unkept) {
            let servers = self.entries.servers().clone();
            effects.push(Effect::Errand(Errand::Keep(servers, now, wall)));
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

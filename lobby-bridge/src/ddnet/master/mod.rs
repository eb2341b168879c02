//! The list: what each request leads to (`docs/specifications/ddnet-register.md`, sections 3 to 6).
//!
//! Pure: without socket, clock and random numbers.

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use imbl::OrdMap;
use metaserve::{address::joinable, bounds::Rates};

use super::{
    GAME,
    address::Address,
    entries::{Entries, Entry, Servers},
    info::Info,
    limits::Limits,
    native::Native,
    request::{Action, Answer, Registration, Request, Secret},
    stored::Stored,
    tokens::{Proof, Tokens},
};
use crate::{
    metrics::{Outcome, Tally},
    web::{self, Reply, ServerList},
};

/// A datagram to be sent to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(pub SocketAddr, pub Bytes);

/// A server, as it is passed on to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its addresses, sorted; at least one.
    pub addresses: Vec<Address>,
    /// Its information.
    pub info: Info,
}

type Orders = web::Orders<Master>;

/// See the [module](self).
#[derive(Debug)]
pub struct Master {
    limits: Limits,
    tokens: Tokens,
    entries: Entries,
    challenges: Rates<Address>,
    tally: Tally,
}

impl Master {
    /// Makes a list without servers. Tokens are good if they were made from the same `seed`.
    #[must_use]
    pub fn new(limits: Limits, seed: &[u8; 32]) -> Self {
        Self {
            tokens: Tokens::from_seed(seed),
            entries: Entries::new(limits.clone()),
            challenges: Rates::default(),
            limits,
            tally: Tally::default(),
        }
    }

    /// Counts what becomes of requests.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// Puts back the servers of an earlier run. They are shown with the first [look](ServerList::look),
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

    fn register(
        &mut self,
        address: Address,
        secret: &Secret,
        asked: &Registration,
        wall: SystemTime,
        now: Instant,
        orders: &mut Orders,
    ) -> Result<(), Answer> {
        joinable(address.at).map_err(|why| Answer::refused(why.to_string()))?;
        let token = asked.challenge_token.as_deref().unwrap_or_default();
        let proof = self.tokens.check(token, &address, wall);
        if proof != Proof::Good {
            self.challenge(&address, asked, wall, now, orders);
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
        orders: &mut Orders,
    ) {
        let (each, at_once) = (self.limits.challenge_every, self.limits.challenges_at_once);
        if self.challenges.spend(*address, each, at_once, now).is_ok() {
            let datagram = self.tokens.challenge(address, asked, wall);
            orders.work(Challenge(address.at, datagram));
        }
    }

    /// Has what looks different now shown and published.
    fn publish(&mut self, orders: &mut Orders) {
        let (changed, ended) = self.entries.changed();
        for entry in changed {
            match listed(&entry) {
                Some(listed) => orders.list(entry.id, listed),
                None => orders.unlist(entry.id),
            }
        }
        for id in ended {
            orders.unlist(id);
        }
    }
}

/// A server for the registry; `None` while it has no addresses.
fn listed(entry: &Entry) -> Option<Listed> {
    let addresses: Vec<Address> = entry.addresses.keys().copied().collect();
    let info = entry.info.clone();
    (!addresses.is_empty()).then_some(Listed { addresses, info })
}

impl ServerList for Master {
    const GAME: &'static str = GAME;

    type Limits = Limits;
    type Asked = Request;
    type Work = Challenge;
    /// Nobody waits for challenges.
    type Done = Infallible;
    type Listed = Listed;
    type Native = Native;
    type Servers = Servers;

    fn answer(
        &mut self,
        request: Request,
        now: Instant,
        wall: SystemTime,
        orders: &mut Orders,
    ) -> Reply {
        let Request {
            address,
            secret,
            action,
        } = request;
        let is_new = !self.entries.has(&address);
        let is_delete = matches!(action, Action::Delete);
        let answered = match action {
            Action::Delete => self.entries.delete(&address, &secret, now),
            Action::Register(asked) => self.register(address, &secret, &asked, wall, now, orders),
        };
        let answer = answered.err().unwrap_or(Answer::Success);
        self.tally.registration(match (&answer, is_delete) {
            (Answer::Success, true) => Outcome::Unlisted,
            (Answer::Error(400, _), true) => Outcome::NotListed,
            (Answer::Success, false) if is_new => Outcome::Listed,
            _ => answer.outcome(),
        });
        match &answer {
            Answer::Error(status, why) => tracing::debug!(%address, status, "refused: {why}"),
            // The times of its addresses are kept.
            Answer::Success => orders.keep(),
            Answer::NeedChallenge | Answer::NeedInfo => {}
        }
        tracing::trace!(%address, ?answer, "answered");
        self.publish(orders);
        answer.reply()
    }

    fn done(&mut self, done: Infallible, _: Instant, _: &mut Orders) {
        match done {}
    }

    fn look(&mut self, now: Instant, orders: &mut Orders) {
        self.challenges.sweep(now);
        self.entries.expire(now);
        self.publish(orders);
    }

    fn drop_hosts(
        &mut self,
        is_banned: &dyn Fn(IpAddr) -> bool,
        now: Instant,
        orders: &mut Orders,
    ) {
        self.entries.drop_hosts(is_banned, now);
        self.publish(orders);
    }

    fn servers(&mut self, _: &OrdMap<u64, Arc<Native>>) -> Servers {
        self.entries.servers().clone()
    }
}

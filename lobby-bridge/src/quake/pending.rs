//! Servers that were asked, and the challenges that they have to repeat
//! (`docs/specifications/quake3-master.md`, section 4).

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use ring::hmac;

use super::limits::Limits;
use crate::peers::{Way, host};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The length of a challenge: 65 bits that nobody can guess.
const LENGTH: usize = 11;

/// An endless supply of challenges, made from a seed.
#[derive(Debug)]
pub(super) struct Challenges {
    key: hmac::Key,
    used: u64,
}

impl Challenges {
    pub(super) fn from_seed(seed: [u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        Self { key, used: 0 }
    }

    fn next(&mut self) -> String {
        self.used += 1;
        let tag = hmac::sign(&self.key, &self.used.to_be_bytes());
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        tag.as_ref().iter().take(LENGTH).map(letter).collect()
    }
}

/// A server that has called, or is to be asked for another reason.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) way: Way,
    /// The tag of its heartbeat.
    pub(super) tag: &'a str,
    /// What it wants repeated, if it is known.
    pub(super) echo: Option<[u8; 4]>,
}

impl<'a> Caller<'a> {
    pub(super) const fn new(way: Way, tag: &'a str) -> Self {
        let echo = None;
        Self { way, tag, echo }
    }
}

/// A server that was asked.
#[derive(Debug)]
struct Asked {
    /// The way to it, and the tag of its last heartbeat.
    way: Way,
    tag: String,
    /// What it wants repeated.
    echo: Option<[u8; 4]>,
    challenge: String,
    /// When it was given this challenge for the first time, and for the last time.
    given: Instant,
    sent: Instant,
    /// Whether it has called again since then.
    calls: bool,
    /// Whether it is in the list.
    is_listed: bool,
    /// Whether it has answered since it was asked for the last time.
    has_answered: bool,
}

/// All servers that were asked and may still answer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    asked: HashMap<SocketAddr, Asked>,
    /// When to look at each of them next.
    due: BTreeSet<(Instant, SocketAddr)>,
    /// How many of each host are not in the list, and of all hosts.
    hosts: HashMap<IpAddr, usize>,
    unlisted: usize,
    /// How many have not answered since they were asked for the last time.
    open: usize,
}

impl Pending {
    /// Servers that are not in the list.
    pub(super) const fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// How many have not answered since they were asked for the last time.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// The same, of one host.
    pub(super) fn of_host(&self, host: IpAddr) -> usize {
        self.hosts.get(&host).copied().unwrap_or(0)
    }

    pub(super) fn contains(&self, server: SocketAddr) -> bool {
        self.asked.contains_key(&server)
    }

    /// Returns the challenge for a server, and what it wants repeated, unless it was asked a moment
    /// ago: then it is asked again later. It has the same challenge for a while, because a busy server answers late, and only
    /// once.
    pub(super) fn ask(
        &mut self,
        caller: &Caller<'_>,
        is_listed: bool,
        challenges: &mut Challenges,
        limits: &Limits,
        now: Instant,
    ) -> Option<(String, Option<[u8; 4]>)> {
        let &Caller { way, tag, echo } = caller;
        let server = way.peer();
        if let Some(asked) = self.asked.get_mut(&server) {
            asked.way = way;
            tag.clone_into(&mut asked.tag);
            asked.echo = echo.or(asked.echo);
            let was = asked.due(limits);
            let may_be_asked = now >= asked.sent + limits.ask_period;
            if may_be_asked {
                if now >= asked.given + limits.challenge_time {
                    asked.challenge = challenges.next();
                    asked.given = now;
                }
                asked.sent = now;
                self.open += usize::from(std::mem::take(&mut asked.has_answered));
            }
            asked.calls = !may_be_asked;
            let challenge = may_be_asked.then(|| (asked.challenge.clone(), asked.echo));
            let next = asked.due(limits);
            self.due.remove(&(was, server));
            self.due.insert((next, server));
            return challenge;
        }
        while !is_listed && self.unlisted >= limits.pending {
            let mut due = self.due.iter().map(|(_, server)| *server);
            let is_listed = |it: &SocketAddr| self.asked.get(it).is_some_and(|it| it.is_listed);
            let oldest = due.find(|it| !is_listed(it))?;
            self.forget(oldest, limits);
        }
        let asked = Asked {
            way,
            tag: tag.to_owned(),
            echo,
            challenge: challenges.next(),
            given: now,
            sent: now,
            calls: false,
            is_listed,
            has_answered: false,
        };
        self.open += 1;
        let challenge = asked.challenge.clone();
        self.due.insert((asked.due(limits), server));
        self.asked.insert(server, asked);
        if !is_listed {
            self.unlisted += 1;
            *self.hosts.entry(host(server.ip())).or_default() += 1;
        }
        Some((challenge, echo))
    }

    /// The tag of a server that was asked with a challenge that is still valid, and is `right`.
    pub(super) fn proved(
        &self,
        server: SocketAddr,
        right: impl FnOnce(&str) -> bool,
        limits: &Limits,
        now: Instant,
    ) -> Option<&str> {
        let asked = self.asked.get(&server)?;
        let is_valid = now < asked.sent + limits.challenge_time;
        (is_valid && right(&asked.challenge)).then_some(&*asked.tag)
    }

    /// Notes that a server has repeated its challenge.
    pub(super) fn answered(&mut self, server: SocketAddr) {
        if let Some(asked) = self.asked.get_mut(&server)
            && !std::mem::replace(&mut asked.has_answered, true)
        {
            self.open -= 1;
        }
    }

    /// Notes that a server is in the list now. It may still answer again.
    pub(super) fn listed(&mut self, server: SocketAddr) {
        if let Some(asked) = self.asked.get_mut(&server)
            && !std::mem::replace(&mut asked.is_listed, true)
        {
            self.uncount(server);
        }
    }

    /// Returns the servers to ask again now, and forgets those whose challenges are over. Also
    /// returns how many of these have not answered.
    pub(super) fn due(&mut self, limits: &Limits, now: Instant) -> (Vec<(Way, String)>, usize) {
        let (mut again, open) = (Vec::new(), self.open);
        while let Some(&(due, server)) = self.due.first()
            && due <= now
        {
            self.due.pop_first();
            match self.asked.get_mut(&server) {
                Some(asked) if asked.calls => {
                    asked.calls = false;
                    again.push((asked.way, asked.tag.clone()));
                    self.due.insert((asked.due(limits), server));
                }
                _ => self.forget(server, limits),
            }
        }
        (again, open - self.open)
    }

    fn forget(&mut self, server: SocketAddr, limits: &Limits) {
        if let Some(asked) = self.asked.remove(&server) {
            self.due.remove(&(asked.due(limits), server));
            self.open -= usize::from(!asked.has_answered);
            if !asked.is_listed {
                self.uncount(server);
            }
        }
    }

    fn uncount(&mut self, server: SocketAddr) {
        self.unlisted -= 1;
        let host = host(server.ip());
        if let Some(count) = self.hosts.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(&host);
            }
        }
    }
}

impl Asked {
    fn due(&self, limits: &Limits) -> Instant {
        match self.calls {
            true => self.sent + limits.ask_period,
            false => self.sent + limits.challenge_time,
        }
    }
}

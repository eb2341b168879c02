//! Servers that are being checked: whether they answer from another port than the one that they
//! have called, and what they say of themselves (`docs/specifications/ddnet-register.md`, section
//! 15).

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use metaserve_query::teeworlds::{
    info_answer, info_question,
    packets::{Message, Token, message, token_given, token_request},
};

use super::limits::Limits;
use crate::peers::{Way, host};

/// Where a server has called from, and its token there. It is told the result.
pub(super) type Home = (Way, Token);

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The server was asked for its token.
    Token,
    /// It has given this one, and has to answer from behind its firewall.
    Firewall(Token),
    /// It has, and was asked what it is.
    Info(Token),
    /// It is over.
    Over,
}

#[derive(Debug)]
struct Check {
    home: Option<Home>,
    /// The way of the questions.
    way: Way,
    ours: Token,
    step: Step,
    began: Instant,
    /// When the current part of the check has to be over.
    ends: Instant,
    sent: Instant,
    /// Whether the server has called again.
    calls: bool,
    is_listed: bool,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing yet: say this next.
    Say(Way, Bytes),
    /// The server is where it says: tell it, and say this next.
    Proved(Option<Home>, Way, Bytes),
    /// The server is described by these bytes, the message after its four letters.
    Described(Bytes),
}

/// What is due for a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask this, once more.
    Ask(Way, Bytes),
    /// The server has called again: check it again.
    Again(Way, Option<Home>),
    /// The server does not answer.
    Failed(SocketAddr, Option<Home>),
}

/// All checks, by the addresses of their servers.
#[derive(Debug, Default)]
pub(super) struct Checks {
    map: HashMap<SocketAddr, Check>,
    due: BTreeSet<(Instant, SocketAddr)>,
    /// How many of each host are not in the list, and of all hosts.
    hosts: HashMap<IpAddr, usize>,
    unlisted: usize,
}

impl Checks {
    /// Servers that are not in the list.
    pub(super) const fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// The same, of one host.
    pub(super) fn of_host(&self, host: IpAddr) -> usize {
        self.hosts.get(&host).copied().unwrap_or(0)
    }

    /// How many are not over.
    pub(super) fn running(&self) -> usize {
        let checks = self.map.values();
        checks.filter(|it| it.step != Step::Over).count()
    }

    pub(super) fn contains(&self, server: SocketAddr) -> bool {
        self.map.contains_key(&server)
    }

    /// A server that is being checked, or was a moment ago, has called again.
    pub(super) fn called(&mut self, server: SocketAddr, home: Home) {
        if let Some(check) = self.map.get_mut(&server) {
            check.home = Some(home);
            check.calls |= check.step == Step::Over;
        }
    }

    /// Begins a check, and returns its first question. `way` leads to the server from the second
    /// socket.
    pub(super) fn begin(
        &mut self,
        way: Way,
        home: Option<Home>,
        ours: Token,
        is_listed: bool,
        limits: &Limits,
        now: Instant,
    ) -> Bytes {
        let server = way.peer();
        self.forget(server, limits);
        while !is_listed && self.unlisted >= limits.checks && self.give_up_one(limits) {}
        let check = Check {
            home,
            way,
            ours,
            step: Step::Token,
            began: now,
            ends: now + limits.check_time,
            sent: now,
            calls: false,
            is_listed,
        };
        self.due.insert((check.due(limits), server));
        self.map.insert(server, check);
        if !is_listed {
            self.unlisted += 1;
            *self.hosts.entry(host(server.ip())).or_default() += 1;
        }
        token_request(ours).into()
    }

    /// Takes a datagram that has come to the second socket; `None` if it answers nothing.
    pub(super) fn answered(
        &mut self,
        server: SocketAddr,
        datagram: &[u8],
        limits: &Limits,
        now: Instant,
    ) -> Option<Answer> {
        let check = self.map.get_mut(&server)?;
        let was = check.due(limits);
        let answer = check.hear(datagram, limits, now)?;
        let next = check.due(limits);
        self.due.remove(&(was, server));
        self.due.insert((next, server));
        Some(answer)
    }

    /// Notes that a server is in the list now.
    pub(super) fn listed(&mut self, server: SocketAddr) {
        if let Some(check) = self.map.get_mut(&server)
            && !std::mem::replace(&mut check.is_listed, true)
        {
            self.uncount(server);
        }
    }

    /// Returns what is due, and forgets checks that are over.
    pub(super) fn due(&mut self, limits: &Limits, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(&(at, server)) = self.due.first()
            && at <= now
        {
            let Some(check) = self.map.get_mut(&server) else {
                self.due.pop_first();
                continue;
            };
            match check.step {
                Step::Over => {
                    if check.calls {
                        due.push(Due::Again(check.way, check.home));
                    }
                    self.forget(server, limits);
                }
                step if now >= check.ends => {
                    // Without a description the server is listed for its clients nevertheless.
                    if !matches!(step, Step::Info(_)) {
                        due.push(Due::Failed(server, check.home));
                    }
                    self.forget(server, limits);
                }
                _ => {
                    due.push(Due::Ask(check.way, check.question()));
                    self.due.pop_first();
                    check.sent = now;
                    self.due.insert((check.due(limits), server));
                }
            }
        }
        due
    }

    /// Gives up the check that was begun first of a server that is not listed.
    fn give_up_one(&mut self, limits: &Limits) -> bool {
        let unlisted = self.map.iter().filter(|(_, check)| !check.is_listed);
        let oldest = unlisted.min_by_key(|(_, check)| check.began);
        let oldest = oldest.map(|(server, _)| *server);
        if let Some(server) = oldest {
            self.forget(server, limits);
        }
        oldest.is_some()
    }

    fn forget(&mut self, server: SocketAddr, limits: &Limits) {
        if let Some(check) = self.map.remove(&server) {
            self.due.remove(&(check.due(limits), server));
            if !check.is_listed {
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

impl Check {
    fn hear(&mut self, datagram: &[u8], limits: &Limits, now: Instant) -> Option<Answer> {
        match self.step {
            Step::Token => {
                let theirs = token_given(datagram, self.ours)?;
                self.step = Step::Firewall(theirs);
            }
            Step::Firewall(theirs) => {
                let message = self.message(datagram)?;
                (message.kind == *b"fw!!").then_some(())?;
                self.step = Step::Info(theirs);
                self.ends = now + limits.check_time;
                self.sent = now;
                return Some(Answer::Proved(self.home, self.way, self.question()));
            }
            Step::Info(_) => {
                let message = self.message(datagram)?;
                info_answer(&message)?;
                self.step = Step::Over;
                return Some(Answer::Described(Bytes::copy_from_slice(message.rest)));
            }
            Step::Over => return None,
        }
        self.sent = now;
        Some(Answer::Say(self.way, self.question()))
    }

    /// A message for us.
    fn message<'a>(&self, datagram: &'a [u8]) -> Option<Message<'a>> {
        Message::read(datagram).filter(|it| it.to == self.ours)
    }

    fn question(&self) -> Bytes {
        match self.step {
            Step::Token | Step::Over => token_request(self.ours),
            Step::Firewall(theirs) => message(theirs, self.ours, *b"fw??", b""),
            Step::Info(theirs) => info_question(theirs, self.ours),
        }
        .into()
    }

    fn due(&self, limits: &Limits) -> Instant {
        match self.step {
            Step::Over => self.began + limits.check_period,
            _ => self.ends.min(self.sent + limits.ask_period),
        }
    }
}

/// The longest time from the beginning of a check to its end.
pub(super) fn longest(limits: &Limits) -> Duration {
    (2 * limits.check_time).max(limits.check_period)
}

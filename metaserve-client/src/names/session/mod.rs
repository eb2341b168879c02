//! One peer of names, over one connection after the other: pure.
//!
//! The handles of the program begin and end requests; the driver says when there is a connection,
//! gives in what the daemon's stream brings, and writes what [`Session::next_message`] returns as
//! fast as the daemon reads. Each request that has not ended is said anew over a new connection.
//!
//! What a program has not said yet is not queued: a request has its newest state, and is marked as
//! due. So memory is bounded by the requests that the program keeps.

mod claim;
mod echo;
mod link;
mod offer;
mod pace;
mod resolve;
mod slots;
mod speak;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use claim::{Asked, ClaimState};
pub(super) use offer::Ordered;
pub(super) use resolve::HowToStart;
pub(super) use watch::{Keys, Seen};

use super::error::{Failed, Refused};
use claim::Claim;
use echo::Echo;
use link::Link;
use metaserve::{
    Ended,
    names::{Answer, Key, Refusal},
    protocol::{
        codec::{self, DecodeError},
        framing::Deframer,
        names::{FromDaemon, MAX_MESSAGE_BYTES},
        session::Piece,
    },
};
use offer::Offer;
use pace::Pace;
use resolve::Resolve;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};
use watch::Watch;

/// When a watch or offer that the daemon had is said again if it is full after a reconnect: the lost
/// connection may still count.
const FULL_AGAIN: Duration = Duration::from_secs(2);

/// All requests of a program, and the state of its connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    last_id: u64,
    requests: BTreeMap<u64, Request>,
    link: Link,
    echo: Echo,
    /// Requests that have something to say, each once.
    due: VecDeque<u64>,
    /// Requests that have ended here, and not yet at the daemon.
    releases: VecDeque<u64>,
    refusals: VecDeque<(u64, String)>,
    /// Orders that are neither carried out nor refused.
    orders: BTreeMap<Key, slots::Open>,
    last_serial: u64,
    timers: BTreeSet<(Instant, u64)>,
    deframer: Deframer,
    pace: Pace,
    /// Why there will be no further connection.
    over: Option<Failed>,
}

#[derive(Debug)]
struct Request {
    kind: Kind,
    /// When the daemon was told of it over this connection.
    said: Option<Instant>,
    /// Whether the daemon had it before.
    renewed: bool,
    /// Whether it is among those that are due.
    due: bool,
    /// When it fails, unless it was answered.
    until: Option<Instant>,
    /// When it is said again after a refusal.
    again: Option<Instant>,
}

#[derive(Debug)]
enum Kind {
    Claim(Claim),
    Resolve(Resolve),
    Watch(Watch),
    Offer(Offer),
}

/// How a request goes on after an answer.
enum Next {
    Goes,
    /// It goes on for as long as the program wants.
    Established,
    /// It is said again then.
    Again(Instant),
    /// The daemon has ended it.
    Ended,
    /// It ends on both sides.
    Release,
}

impl Session {
    fn begin(&mut self, kind: Kind, until: Option<Instant>) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        if let Some(over) = self.over.clone() {
            kind.fail(over);
            return id;
        }
        self.timers.extend(until.map(|at| (at, id)));
        let request = Request {
            kind,
            said: None,
            renewed: false,
            due: false,
            until,
            again: None,
        };
        self.requests.insert(id, request);
        self.queue(id);
        id
    }

    /// Ends a request by the will of the program. Ignored when it has ended.
    pub(super) fn end(&mut self, id: u64) {
        if let Some(request) = self.remove(id)
            && request.said.is_some()
        {
            self.releases.push_back(id);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Request> {
        let mut request = self.requests.remove(&id)?;
        if request.due {
            self.due.retain(|due| *due != id);
        }
        for at in [request.until, request.again].into_iter().flatten() {
            self.timers.remove(&(at, id));
        }
        match &mut request.kind {
            Kind::Claim(claim) => {
                if let Some(slot) = claim.leaves() {
                    self.free(slot);
                }
            }
            Kind::Offer(_) => self.forget_orders(id),
            Kind::Resolve(_) | Kind::Watch(_) => {}
        }
        Some(request)
    }

    fn queue(&mut self, id: u64) {
        if let (Link::Up { .. }, Some(request)) = (&self.link, self.requests.get_mut(&id))
            && !std::mem::replace(&mut request.due, true)
        {
            self.due.push_back(id);
        }
    }

    /// The daemon's stream has brought something.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub(super) fn piece(&mut self, piece: Piece, now: Instant) -> Result<(), Ended> {
        piece.join(&mut self.deframer)?;
        while let Some(bytes) = self.deframer.next(MAX_MESSAGE_BYTES)? {
            let answer = match codec::decode::<FromDaemon<'_>>(&bytes) {
                // Of a later version, and nothing that a peer has to know. An odd one would be.
                Err(DecodeError::UnknownVariant(variant)) if variant.is_multiple_of(2) => continue,
                message => message?.own(),
            };
            let not_allowed = |_| DecodeError::Malformed("a key or value that is not allowed");
            self.answered(answer.map_err(not_allowed)?, now)?;
        }
        Ok(())
    }

    /// An answer to a request that has ended a moment ago is ignored.
    fn answered(&mut self, answer: Answer, now: Instant) -> Result<(), Ended> {
        let id = id(&answer);
        if id == echo::ID {
            self.echoed();
            return Ok(());
        }
        let Some(request) = self.requests.get_mut(&id) else {
            return Ok(());
        };
        let next = match (answer, &mut request.kind) {
            (
                Answer::Refused {
                    refusal,
                    again,
                    why,
                    ..
                },
                _,
            ) => {
                let refused = Refused {
                    refusal,
                    again,
                    why,
                };
                self.refused(id, refused, now);
                return Ok(());
            }
            (answer, Kind::Claim(claim)) => claim.answered(answer, request.until, now),
            (answer, Kind::Resolve(resolve)) => resolve.answered(answer),
            (answer, Kind::Watch(watch)) => watch.answered(answer),
            (
                Answer::Order {
                    order,
                    key,
                    payload,
                    within,
                    ..
                },
                Kind::Offer(_),
            ) => {
                let ordered = Ordered {
                    serial: 0,
                    key,
                    payload,
                    until: now + within,
                };
                return self.ordered(id, order, ordered);
            }
            (_, Kind::Offer(_)) => Next::Goes,
        };
        match next {
            Next::Goes => {}
            Next::Established => {
                if let Some(until) = request.until.take() {
                    self.timers.remove(&(until, id));
                }
                if let Some(said) = request.said {
                    self.heard_us(said);
                }
                self.carried_out(id);
            }
            Next::Again(at) => {
                (request.said, request.again) = (None, Some(at));
                self.timers.insert((at, id));
            }
            Next::Ended => drop(self.remove(id)),
            Next::Release => self.end(id),
        }
        Ok(())
    }

    /// The daemon has refused a request: it is said again when that may succeed, if there is time.
    fn refused(&mut self, id: u64, refused: Refused, now: Instant) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        if let Kind::Claim(claim) = &mut request.kind
            && claim.is_held()
        {
            claim.not_renewed(refused);
            self.remove(id);
            return;
        }
        let lasts = matches!(request.kind, Kind::Watch(_) | Kind::Offer(_));
        let was_full = lasts && request.renewed && refused.refusal == Refusal::Full;
        let again = refused.again.or(was_full.then_some(FULL_AGAIN));
        let again = again.map(|again| now + again);
        match again.filter(|again| request.until.is_none_or(|until| *again < until)) {
            Some(again) => {
                (request.said, request.again) = (None, Some(again));
                self.timers.insert((again, id));
            }
            None => {
                if let Some(request) = self.remove(id) {
                    request.kind.fail(refused.into());
                }
            }
        }
    }

    /// When [`tick`](Self::tick) has to be called.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.pace.resumes()).min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        self.pace.tick(now);
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            let Some(request) = self.requests.get_mut(&id) else {
                continue;
            };
            if request.again == Some(at) {
                request.again = None;
                self.queue(id);
            } else if let Kind::Resolve(resolve) = &mut request.kind
                && let Some(later) = resolve.grace(request.said.is_some())
            {
                request.until = Some(at + later);
                self.timers.insert((at + later, id));
            } else {
                self.expired(id);
            }
        }
    }

    /// A request was not answered in time.
    fn expired(&mut self, id: u64) {
        let why = match &self.link {
            Link::Down { why } => Failed::NoConnection { why: why.clone() },
            Link::Up { .. } => Failed::NoAnswer,
        };
        let Some(request) = self.remove(id) else {
            return;
        };
        if request.said.is_some() {
            self.releases.push_back(id);
        }
        request.kind.fail(why);
    }
}

impl Kind {
    fn fail(self, why: Failed) {
        match self {
            Self::Claim(claim) => claim.fail(why),
            Self::Resolve(resolve) => resolve.fail(why),
            Self::Watch(watch) => watch.fail(why),
            Self::Offer(offer) => offer.fail(why),
        }
    }
}

/// The request that it answers.
const fn id(answer: &Answer) -> u64 {
    match *answer {
        Answer::Granted { id, .. }
        | Answer::Held { id, .. }
        | Answer::Lost { id }
        | Answer::Found { id, .. }
        | Answer::Absent { id }
        | Answer::Unavailable { id, .. }
        | Answer::Refused { id, .. }
        | Answer::Up { id, .. }
        | Answer::Down { id, .. }
        | Answer::Current { id }
        | Answer::Reset { id }
        | Answer::Order { id, .. } => id,
    }
}

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
mod offer;
mod pace;
mod resolve;
mod slots;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use claim::{Asked, ClaimState};
pub(super) use offer::Ordered;
pub(super) use resolve::HowToStart;
pub(super) use watch::{Keys, Seen};

use super::error::{Failed, Refused};
use bytes::Bytes;
use claim::Claim;
use echo::Echo;
use metaserve::{
    CloseCode, Ended,
    names::{Answer, Key, Refusal},
    protocol::{
        codec::{self, DecodeError},
        framing::Deframer,
        names::{FromDaemon, FromPeer, MAX_MESSAGE_BYTES},
        session::Piece,
    },
};
use offer::Offer;
use pace::Pace;
use resolve::Resolve;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
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
enum Link {
    Down {
        why: String,
    },
    Up {
        /// When the newest message was said of which the daemon has shown that it has it.
        heard_us: Option<Instant>,
    },
}

impl Default for Link {
    fn default() -> Self {
        Self::Down {
            why: "the first attempt to connect goes on".into(),
        }
    }
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

    /// There is a connection: everything is said anew, claims that are held first.
    pub(super) fn connected(&mut self) {
        self.link = Link::Up { heard_us: None };
        self.deframer = Deframer::default();
        self.pace.anew();
        self.forget_link();
        let held =
            |request: &Request| matches!(&request.kind, Kind::Claim(claim) if claim.is_held());
        let (first, then): (Vec<_>, Vec<_>) = self.requests.iter().partition(|(_, it)| held(it));
        let ids: Vec<u64> = first.into_iter().chain(then).map(|(id, _)| *id).collect();
        for id in ids {
            self.queue(id);
        }
    }

    /// The connection has ended.
    pub(super) fn ended(&mut self, ended: &Ended, now: Instant) {
        let code = ended.close_code();
        if code == Some(CloseCode::RateLimited) {
            self.pace.slow_down();
        }
        if code.is_some_and(is_of_a_daemon_that_goes_on) {
            self.freed();
        }
        self.disconnected(ended.to_string(), now);
    }

    /// The daemon has closed the connection and goes on, so that it has freed all keys that it had
    /// granted over it. Their proofs are never shown again: after a restart of the daemon they would
    /// be as good as that of the next holder.
    fn freed(&mut self) {
        let granted =
            |it: &Request| matches!(&it.kind, Kind::Claim(claim) if claim.is_held_for_certain());
        let granted = self.requests.iter().filter(|(_, it)| granted(it));
        let ids: Vec<u64> = granted.map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(Kind::Claim(claim)) = self.remove(id).map(|it| it.kind) {
                claim.freed();
            }
        }
    }

    /// The connection has ended, or there was none.
    pub(super) fn disconnected(&mut self, why: String, now: Instant) {
        self.link = Link::Down { why };
        for request in self.requests.values_mut() {
            match &mut request.kind {
                Kind::Claim(claim) => claim.disconnected(request.said.is_some(), now),
                Kind::Watch(watch) => watch.disconnected(now),
                Kind::Resolve(_) | Kind::Offer(_) => {}
            }
        }
        self.forget_link();
    }

    fn forget_link(&mut self) {
        self.due.clear();
        self.releases.clear();
        self.refusals.clear();
        self.echo = Echo::default();
        self.orders.values_mut().for_each(slots::Open::disconnected);
        for (id, request) in &mut self.requests {
            request.renewed |= request.said.take().is_some();
            request.due = false;
            if let Some(again) = request.again.take() {
                self.timers.remove(&(again, *id));
            }
        }
    }

    /// There will be no further connection.
    pub(super) fn over(&mut self, ended: Ended) {
        self.fail_all(Failed::Ended(Arc::new(ended)));
    }

    /// The program leaves: all requests end. The daemon is not told of each, since it frees everything
    /// when the connection ends.
    pub(super) fn leave(&mut self) {
        if self.over.is_none() {
            self.fail_all(Failed::Closed);
        }
    }

    fn fail_all(&mut self, why: Failed) {
        self.due.clear();
        self.releases.clear();
        self.refusals.clear();
        self.orders.clear();
        self.timers.clear();
        for request in std::mem::take(&mut self.requests).into_values() {
            request.kind.fail(why.clone());
        }
        self.over = Some(why);
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

    /// The next message for the daemon, as a frame; none until something happens, or
    /// [`next_timeout`](Self::next_timeout) has come.
    pub(super) fn next_message(&mut self, now: Instant) -> Option<Bytes> {
        if matches!(self.link, Link::Down { .. }) {
            return None;
        }
        let nothing = self.due.is_empty() && self.releases.is_empty() && self.refusals.is_empty();
        if (nothing && !self.echo.is_due()) || !self.pace.allows(now) {
            return None;
        }
        if let Some(question) = self.echo.say(now) {
            return Some(question);
        }
        if let Some((order, why)) = self.refusals.pop_front() {
            return Some(codec::frame(FromPeer::Refused { order, why: &why }));
        }
        if let Some(id) = self.releases.pop_front() {
            return Some(codec::frame(FromPeer::Release { id }));
        }
        while let Some(id) = self.due.pop_front() {
            let Some(request) = self.requests.get_mut(&id) else {
                continue;
            };
            request.due = false;
            let anew = request.said.is_none();
            request.said.get_or_insert(now);
            let message = match &mut request.kind {
                Kind::Claim(claim) => claim.say(id, anew),
                Kind::Resolve(resolve) if anew => resolve.say(id, request.until, now),
                Kind::Watch(watch) if anew => watch.say(id),
                Kind::Offer(offer) => offer.say(id, anew),
                Kind::Resolve(_) | Kind::Watch(_) => None,
            };
            if message.is_some() {
                return message;
            }
        }
        None
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

/// Whether a daemon that has closed a connection with this code has not ended itself.
const fn is_of_a_daemon_that_goes_on(code: CloseCode) -> bool {
    !matches!(
        code,
        CloseCode::Goodbye | CloseCode::ShuttingDown | CloseCode::Unknown(_)
    )
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

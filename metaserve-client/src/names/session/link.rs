//! What a connection, its end and the end of all connections mean for the requests.

use super::{Kind, Request, Session, echo::Echo, slots};
use crate::names::error::Failed;
use metaserve::{CloseCode, Ended, protocol::framing::Deframer};
use std::{sync::Arc, time::Instant};

#[derive(Debug)]
pub(super) enum Link {
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

impl Session {
    /// There is a connection: everything is said anew, claims that are held first.
    pub(in crate::names) fn connected(&mut self) {
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
    pub(in crate::names) fn ended(&mut self, ended: &Ended, now: Instant) {
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
    pub(in crate::names) fn disconnected(&mut self, why: String, now: Instant) {
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
    pub(in crate::names) fn over(&mut self, ended: Ended) {
        self.fail_all(Failed::Ended(Arc::new(ended)));
    }

    /// Why there will be no further connection, if that is so.
    pub(in crate::names) fn why_over(&self) -> Option<Failed> {
        self.over.clone()
    }

    /// The program leaves: all requests end. The daemon is not told of each, since it frees everything
    /// when the connection ends.
    pub(in crate::names) fn leave(&mut self) {
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
}

/// Whether a daemon that has closed a connection with this code has not ended itself.
const fn is_of_a_daemon_that_goes_on(code: CloseCode) -> bool {
    !matches!(
        code,
        CloseCode::Goodbye | CloseCode::ShuttingDown | CloseCode::Unknown(_)
    )
}

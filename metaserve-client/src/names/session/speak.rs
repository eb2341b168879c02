//! What is said to the daemon, and in which order.

use super::{Kind, Link, Session};
use bytes::Bytes;
use metaserve::protocol::{codec, names::FromPeer};
use std::time::Instant;

impl Session {
    /// The next message for the daemon, as a frame; none until something happens, or
    /// [`next_timeout`](Self::next_timeout) has come.
    pub(in crate::names) fn next_message(&mut self, now: Instant) -> Option<Bytes> {
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
}

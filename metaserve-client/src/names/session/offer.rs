//! An offer to start keys, and the orders that come of it.

use super::{Kind, Session};
use crate::names::error::Failed;
use bytes::Bytes;
use metaserve::{
    Ended,
    names::{Answer, Key, Prefix},
    protocol::{
        codec::{self, DecodeError},
        names::FromPeer,
    },
};
use std::time::Instant;
use tokio::sync::mpsc;

/// How many orders wait for a host that does not take them, whatever its slots are.
pub(super) const MAX_UNTAKEN: usize = 256;

/// How many refusals wait for a daemon that does not read them.
const MAX_REFUSALS: usize = 4 * 1024;

/// An order, as it has come.
#[derive(Clone, Debug)]
pub(in crate::names) struct Ordered {
    pub(in crate::names) order: u64,
    /// The connection that it has come over.
    pub(in crate::names) link: u64,
    pub(in crate::names) key: Key,
    pub(in crate::names) payload: Bytes,
    pub(in crate::names) until: Instant,
}

#[derive(Debug)]
pub(super) struct Offer {
    prefix: Prefix,
    slots: u32,
    ticket: Option<Bytes>,
    /// None when no further orders are wanted.
    orders: Option<mpsc::Sender<Result<Ordered, Failed>>>,
}

impl Session {
    /// Offers to start keys with a prefix, so many at a time.
    pub(in crate::names) fn offer(
        &mut self,
        prefix: Prefix,
        slots: u32,
        ticket: Option<Bytes>,
    ) -> (u64, mpsc::Receiver<Result<Ordered, Failed>>) {
        let untaken = usize::try_from(slots).unwrap_or(MAX_UNTAKEN);
        // There is always room for the reason why there are no more.
        let (orders, taken) = mpsc::channel(1 + untaken.clamp(1, MAX_UNTAKEN));
        let offer = Offer {
            prefix,
            slots,
            ticket,
            orders: Some(orders),
        };
        (self.begin(Kind::Offer(offer), None), taken)
    }

    /// Wants no further orders of an offer. Those that the host has stay.
    pub(in crate::names) fn drain(&mut self, id: u64) {
        let request = self.requests.get_mut(&id);
        if let Some(Kind::Offer(offer)) = request.map(|it| &mut it.kind) {
            offer.orders = None;
            self.queue(id);
        }
    }

    /// Does not carry out an order of the connection with this number. Ignored when there is another
    /// connection: the daemon gives orders of a lost connection to another host.
    pub(in crate::names) fn refuse_order(&mut self, link: u64, order: u64, why: String) {
        if self.is_link(link) {
            self.refusals.push_back((order, why));
        }
    }

    /// Refuses an order that the program has not seen.
    pub(super) fn refuse(&mut self, order: u64, why: String) -> Result<(), Ended> {
        if self.refusals.len() >= MAX_REFUSALS {
            return Err(DecodeError::Malformed("more orders than can be refused").into());
        }
        self.refusals.push_back((order, why));
        Ok(())
    }
}

impl Offer {
    pub(super) fn say(&self, id: u64, anew: bool) -> Option<Bytes> {
        match (anew, &self.orders) {
            (true, Some(_)) => Some(codec::frame(FromPeer::Offer {
                id,
                prefix: self.prefix.as_str(),
                slots: self.slots,
                ticket: self.ticket.as_deref(),
            })),
            (false, None) => Some(codec::frame(FromPeer::Drain { id })),
            _ => None,
        }
    }

    /// Takes an order. If the program cannot take it: its number, and why.
    pub(super) fn answered(
        &mut self,
        answer: Answer,
        link: u64,
        now: Instant,
    ) -> Result<(), (u64, String)> {
        let Answer::Order {
            order,
            key,
            payload,
            within,
            ..
        } = answer
        else {
            return Ok(());
        };
        let refused = |why: &str| Err((order, why.to_owned()));
        let Some(orders) = &self.orders else {
            return refused("the host takes no further orders");
        };
        if orders.capacity() < 2 {
            return refused("the host has not taken its earlier orders yet");
        }
        let ordered = Ordered {
            order,
            link,
            key,
            payload,
            until: now + within,
        };
        match orders.try_send(Ok(ordered)) {
            Ok(()) => Ok(()),
            Err(_) => refused("the host has withdrawn its offer"),
        }
    }

    pub(super) fn fail(self, why: Failed) {
        if let Some(orders) = self.orders {
            // The host may be gone.
            let _ = orders.try_send(Err(why));
        }
    }
}

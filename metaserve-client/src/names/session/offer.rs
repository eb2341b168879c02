//! An offer to start keys, and the orders that come of it.

use super::{Kind, Session};
use crate::names::error::Failed;
use bytes::Bytes;
use metaserve::{
    Ended,
    names::{Key, Prefix},
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
    /// The same for all orders of the key until it is carried out or refused.
    pub(in crate::names) serial: u64,
    pub(in crate::names) key: Key,
    pub(in crate::names) payload: Bytes,
    pub(in crate::names) until: Instant,
}

#[derive(Debug)]
pub(super) struct Offer {
    prefix: Prefix,
    slots: u32,
    ticket: Option<Bytes>,
    /// How often the daemon was told of it.
    told: u64,
    /// How many slots it was told of then.
    told_slots: u32,
    /// How many slots are taken.
    taken: u32,
    /// How many of them were taken before it was told.
    uncounted: u32,
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
            told: 0,
            told_slots: 0,
            taken: 0,
            uncounted: 0,
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
    pub(super) fn say(&mut self, id: u64, anew: bool) -> Option<Bytes> {
        match (anew, &self.orders) {
            (true, Some(_)) => {
                self.told += 1;
                self.uncounted = self.taken;
                self.told_slots = self.free_slots();
                Some(codec::frame(FromPeer::Offer {
                    id,
                    prefix: self.prefix.as_str(),
                    slots: self.told_slots,
                    ticket: self.ticket.as_deref(),
                }))
            }
            (false, None) => Some(codec::frame(FromPeer::Drain { id })),
            _ => None,
        }
    }

    /// How many slots there are besides those that the daemon does not count.
    const fn free_slots(&self) -> u32 {
        self.slots.saturating_sub(self.uncounted)
    }

    /// Whether it has more of them than the daemon was told of.
    pub(super) const fn has_more(&self) -> bool {
        self.orders.is_some() && self.free_slots() > self.told_slots
    }

    /// Takes a slot. Returns how often the daemon was told of the offer.
    pub(super) const fn take_slot(&mut self) -> u64 {
        self.taken = self.taken.saturating_add(1);
        self.told
    }

    /// Frees a slot that was taken when the daemon had been told so often.
    pub(super) const fn free_slot(&mut self, told: u64) {
        self.taken = self.taken.saturating_sub(1);
        if told != self.told {
            self.uncounted = self.uncounted.saturating_sub(1);
        }
    }

    /// Gives an order to the program. If it cannot take it: why.
    pub(super) fn give(&self, ordered: Ordered) -> Result<(), &'static str> {
        let Some(orders) = &self.orders else {
            return Err("the host takes no further orders");
        };
        if orders.capacity() < 2 {
            return Err("the host has not taken its earlier orders yet");
        }
        let given = orders.try_send(Ok(ordered));
        given.map_err(|_| "the host has withdrawn its offer")
    }

    pub(super) fn fail(self, why: Failed) {
        if let Some(orders) = self.orders {
            // The host may be gone.
            let _ = orders.try_send(Err(why));
        }
    }
}

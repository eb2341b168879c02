//! Orders that are carried out, and the slots of offers that they and their claims take.
//!
//! The daemon counts what it has ordered since it was told of an offer. What was ordered over an
//! earlier connection, and still goes on, is counted here: an offer that is told anew has so many
//! slots less. When such a claim ends, the offer is told once more.

use super::{Kind, Session, offer::Ordered};
use metaserve::{Ended, names::Key};
use std::time::Instant;

/// A slot that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    offer: u64,
    /// How often the offer had been told then: the daemon counts the slot if that was the last time.
    told: u64,
}

/// An order, until its key is granted or the program refuses it.
#[derive(Debug)]
pub(super) struct Open {
    /// The same for all orders of the key until then.
    serial: u64,
    /// Its number at the daemon, unless the connection that it came over is lost.
    number: Option<u64>,
    slot: Slot,
    until: Instant,
    /// Whether the program has it.
    taken: bool,
}

impl Open {
    pub(super) const fn disconnected(&mut self) {
        self.number = None;
    }
}

impl Session {
    /// The daemon has sent an order. One that the program has already is not given to it again: it
    /// has come over a connection that is lost.
    pub(super) fn ordered(
        &mut self,
        offer: u64,
        number: u64,
        ordered: Ordered,
    ) -> Result<(), Ended> {
        let (key, until) = (ordered.key.clone(), ordered.until);
        let known = self.orders.remove(&key);
        let (serial, taken) = match &known {
            Some(open) => (open.serial, open.taken),
            None => {
                self.last_serial += 1;
                let serial = self.last_serial;
                let request = self.requests.get_mut(&offer);
                let Some(Kind::Offer(it)) = request.map(|it| &mut it.kind) else {
                    return Ok(());
                };
                if let Err(why) = it.give(Ordered { serial, ..ordered }) {
                    return self.refuse(number, why.to_owned());
                }
                (serial, false)
            }
        };
        let slot = self.take_slot(offer);
        let open = Open {
            serial,
            number: Some(number),
            slot,
            until,
            taken,
        };
        self.orders.insert(key, open);
        if let Some(known) = known {
            self.free(known.slot);
        }
        Ok(())
    }

    /// The program takes an order out of its stream: until when it has time. None if another host has
    /// the order, or the key was claimed already.
    pub(in crate::names) fn take_order(&mut self, ordered: &Ordered) -> Option<Instant> {
        let open = self.orders.get_mut(&ordered.key);
        let open = open.filter(|it| it.serial == ordered.serial)?;
        if open.number.is_some() {
            open.taken = true;
            return Some(open.until);
        }
        self.order_ends(&ordered.key);
        None
    }

    /// Does not carry out an order. The daemon is told so if it still waits for it.
    pub(in crate::names) fn refuse_order(&mut self, key: &Key, serial: u64, why: String) {
        if let Some(open) = self.orders.get(key).filter(|it| it.serial == serial) {
            let number = open.number;
            self.refusals.extend(number.map(|number| (number, why)));
            self.order_ends(key);
        }
    }

    fn order_ends(&mut self, key: &Key) {
        if let Some(open) = self.orders.remove(key) {
            self.free(open.slot);
        }
    }

    /// The key of a claim was granted. If it was ordered, the claim takes the slot of the order.
    pub(super) fn carried_out(&mut self, id: u64) {
        let request = self.requests.get_mut(&id);
        if let Some(Kind::Claim(claim)) = request.map(|it| &mut it.kind)
            && let Some(open) = self.orders.remove(claim.key())
        {
            let before = claim.takes(open.slot);
            if let Some(before) = before {
                self.free(before);
            }
            self.offer_more(open.slot.offer);
        }
    }

    /// An offer has ended: orders that the program has not seen are none of it any more.
    pub(super) fn forget_orders(&mut self, offer: u64) {
        self.orders
            .retain(|_, open| open.slot.offer != offer || open.taken);
    }

    fn take_slot(&mut self, offer: u64) -> Slot {
        let request = self.requests.get_mut(&offer);
        let told = match request.map(|it| &mut it.kind) {
            Some(Kind::Offer(it)) => it.take_slot(),
            _ => 0,
        };
        Slot { offer, told }
    }

    pub(super) fn free(&mut self, slot: Slot) {
        let request = self.requests.get_mut(&slot.offer);
        if let Some(Kind::Offer(it)) = request.map(|it| &mut it.kind) {
            it.free_slot(slot.told);
            self.offer_more(slot.offer);
        }
    }

    /// Tells an offer once more if it has more free slots than the daemon knows. That would take its
    /// orders away which are not answered, so it waits for their answers.
    fn offer_more(&mut self, id: u64) {
        let asked = |open: &Open| open.slot.offer == id && open.number.is_some();
        if self.orders.values().any(asked) {
            return;
        }
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        if matches!(&request.kind, Kind::Offer(offer) if offer.has_more())
            && request.said.take().is_some()
        {
            request.renewed = true;
            self.releases.push_back(id);
            self.queue(id);
        }
    }
}

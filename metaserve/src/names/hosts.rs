//! Which host could start a key: offers, those with the most free slots first.

use super::{
    core::Names,
    event::{PeerId, Refusal},
    key::{Key, Prefix},
    peer::{Bid, Offer, OfferRef, Ordered, Request},
};
use crate::Limit;
use std::{collections::BTreeSet, time::Instant};

/// Of the time that is left, one host gets this fraction at least.
const SHARES: u32 = 3;

/// How many offers with free slots are looked at for an order. Only those of hosts that cannot take
/// one, because they do not read or do not answer, are looked at in vain.
const MAX_LOOKED_AT: usize = 1_024;

/// Who could start a key.
pub(super) enum Hosts {
    /// The best one, and how many there are, [`SHARES`] at most.
    Able(Bid, u32),
    /// None but this one, which has an order and has not answered it.
    Silent(PeerId),
    /// None of those that offer it can take an order.
    Busy,
    /// There are none.
    None,
}

impl Names {
    pub(super) fn offer(
        &mut self,
        peer: PeerId,
        id: u64,
        prefix: Prefix,
        slots: u32,
        ticket: Option<&[u8]>,
    ) {
        let right = format!("claim:{prefix}*");
        if let Err(why) = self.permits.permit(ticket, &right) {
            return self.refuse(peer, id, Refusal::Ticket, why);
        }
        let all = (Limit::MaxOffers, self.limits.max_offers);
        if let Some((limit, why)) = self.full(peer, "offers", all, |it| it.offers) {
            return self.refuse_full(peer, id, Some(limit), why);
        }
        let offer = Offer {
            prefix,
            slots,
            used: 0,
            drained: false,
            serial: self.number(),
        };
        self.offers.insert(&offer.prefix, offer.bid(peer, id));
        self.keep(peer, id, Request::Offer(offer));
    }

    pub(super) fn drain(&mut self, peer: PeerId, id: u64) {
        let requests = self.peers.get(&peer).map(|it| &it.requests);
        if let Some(Request::Offer(offer)) = requests.and_then(|it| it.get(&id)) {
            let serial = offer.serial;
            self.change(peer, OfferRef { id, serial }, |offer| offer.drained = true);
        }
    }

    /// Which host could start the key next, without those that were asked in vain.
    pub(super) fn hosts(&self, key: &Key, tried: &BTreeSet<PeerId>) -> Hosts {
        let sets = self.offers.sets(key);
        let mut able: Vec<Bid> = Vec::new();
        let mut looked_at = 0;
        for set in &sets {
            let free = set.iter().take_while(|bid| bid.free.0 > 0);
            let in_order = free.take(MAX_LOOKED_AT - looked_at);
            let listens = in_order
                .inspect(|_| looked_at += 1)
                .filter(|bid| !tried.contains(&bid.peer) && self.listens(bid.peer, key));
            able.extend(listens.take(SHARES as usize));
        }
        if let Some(best) = able.iter().min() {
            let shares = u32::try_from(able.len()).map_or(SHARES, |able| able.min(SHARES));
            return Hosts::Able(*best, shares);
        }
        let mut silent = self.open.range((key.clone(), PeerId(0))..);
        if let Some((_, host)) = silent.next().filter(|(of, _)| of == key) {
            return Hosts::Silent(*host);
        }
        let mut all = sets.into_iter().flatten();
        match all.any(|bid| !tried.contains(&bid.peer)) {
            true => Hosts::Busy,
            false => Hosts::None,
        }
    }

    fn listens(&self, host: PeerId, key: &Key) -> bool {
        self.peers.get(&host).is_some_and(|it| {
            it.accepts()
                && it.orders.len() < self.limits.max_orders_per_host
                && !it.orders.contains_key(key)
        })
    }

    /// A slot of an offer is free again.
    pub(super) fn give_back(&mut self, peer: PeerId, offer: OfferRef) {
        self.change(peer, offer, |offer| offer.used -= 1);
    }

    /// Changes an offer, unless it is gone, and with it its place among those of its prefix.
    pub(super) fn change(
        &mut self,
        peer: PeerId,
        offer: OfferRef,
        change: impl FnOnce(&mut Offer),
    ) {
        let requests = self.peers.get_mut(&peer).map(|it| &mut it.requests);
        let Some(Request::Offer(it)) = requests.and_then(|it| it.get_mut(&offer.id)) else {
            return;
        };
        if it.serial == offer.serial {
            let before = it.bid(peer, offer.id);
            change(it);
            self.offers.remove(&it.prefix, before);
            self.offers.insert(&it.prefix, it.bid(peer, offer.id));
        }
    }

    /// An offer is gone, and its orders with it.
    pub(super) fn withdrawn(&mut self, peer: PeerId, serial: u64, now: Instant) {
        let Some(it) = self.peers.get_mut(&peer) else {
            return;
        };
        let of_it = |ordered: &Ordered| ordered.offer.serial == serial;
        let open = it.orders.iter().filter(|(_, ordered)| of_it(ordered));
        let keys: Vec<Key> = open.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.answered(peer, &key, "has withdrawn its offer", now);
        }
    }
}

//! Which host could start a key: offers, those with the most free slots first.

use super::{
    core::Names,
    event::{PeerId, Permit, Refusal},
    key::{Key, Prefix},
    peer::{Bid, Offer, OfferRef, Ordered, Request},
};
use crate::Limit;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Of the time that is left, one host gets this fraction at least.
const SHARES: u32 = 3;

/// How many hosts that cannot take an order, because they do not read or do not answer, are looked
/// at for one. Those that were asked in vain do not count.
const MAX_DEAF: usize = 1_024;

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
        permit: Permit,
    ) {
        if let Err(why) = permit {
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
        self.rank(peer, &offer.prefix, |bids| {
            bids.insert(offer.bid(peer, id));
        });
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
        let mut able: BTreeMap<PeerId, Bid> = BTreeMap::new();
        let mut deaf = BTreeSet::new();
        for set in &sets {
            let mut hosts = BTreeSet::new();
            let mut free = set.iter().take_while(|bid| bid.free.0 > 0);
            while deaf.len() < MAX_DEAF
                && hosts.len() < SHARES as usize
                && let Some(bid) = free.next()
            {
                if tried.contains(&bid.peer) {
                    continue;
                }
                if self.listens(bid.peer, key) {
                    hosts.insert(bid.peer);
                    let best = able.entry(bid.peer).or_insert(*bid);
                    *best = (*best).min(*bid);
                } else {
                    deaf.insert(bid.peer);
                }
            }
        }
        if let Some(best) = able.values().min() {
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
            let (prefix, after) = (it.prefix.clone(), it.bid(peer, offer.id));
            self.rank(peer, &prefix, |bids| {
                bids.remove(&before);
                bids.insert(after);
            });
        }
    }

    /// Changes what a peer offers with this prefix. No more than its best offer is among those of
    /// others: however many offers it makes, it is looked at once.
    pub(super) fn rank(
        &mut self,
        peer: PeerId,
        prefix: &Prefix,
        change: impl FnOnce(&mut BTreeSet<Bid>),
    ) {
        let Some(it) = self.peers.get_mut(&peer) else {
            return;
        };
        let bids = it.bids.entry(prefix.clone()).or_default();
        let before = bids.first().copied();
        change(bids);
        let after = bids.first().copied();
        if bids.is_empty() {
            it.bids.remove(prefix);
        }
        if let Some(before) = before {
            self.offers.remove(prefix, before);
        }
        if let Some(after) = after {
            self.offers.insert(prefix, after);
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

//! Keys that are to be started: who waits, and which host has the order.

use super::{
    MAX_VALUE_BYTES, MAX_WITHIN,
    core::{Names, Timer, at_most},
    event::{Answer, PeerId, Refusal, Start},
    key::{Key, Prefix},
    peer::{Offer, OfferRef, Ordered, Request},
    starting::Starting,
};
use std::{cmp::Reverse, time::Instant};

/// Of the time that is left, one host gets this fraction at least.
const SHARES: u32 = 3;

/// The longest reason of one host, in bytes.
const MAX_REASON_BYTES: usize = 80;

impl Names {
    pub(super) fn resolve(
        &mut self,
        peer: PeerId,
        id: u64,
        key: Key,
        start: Option<Start>,
        now: Instant,
    ) {
        if let Some(found) = self.found(id, &key) {
            return self.tell(peer, found);
        }
        let Some(start) = start else {
            let answer = match self.settling(now) {
                None => Answer::Absent { id },
                Some(left) => Answer::Refused {
                    id,
                    refusal: Refusal::Settling,
                    again: Some(left),
                    why: "the daemon has just started and waits for former holders".into(),
                },
            };
            return self.tell(peer, answer);
        };
        let right = format!("start:{key}");
        if let Err(why) = self.permits.permit(start.ticket.as_deref(), &right) {
            return self.refuse(peer, id, Refusal::Ticket, why);
        }
        if let Some(why) = self.too_many_starts(peer, &key, &start) {
            return self.refuse(peer, id, Refusal::Full, why);
        }
        let until = now + start.within.min(MAX_WITHIN);
        self.timers.insert((until, Timer::Waiting(peer, id)));
        self.keep(
            peer,
            id,
            Request::Waiting {
                key: key.clone(),
                until,
            },
        );
        let starting = self
            .starting
            .entry(key.clone())
            .or_insert_with(|| Starting::new(start.payload));
        starting.waiting.insert((peer, id), until);
        if starting.placed.is_none() {
            self.place(&key, now);
        }
    }

    fn too_many_starts(&self, peer: PeerId, key: &Key, start: &Start) -> Option<String> {
        let (keys, all) = (self.limits.max_orders, self.limits.max_waiting);
        let each = self.limits.max_each_per_peer;
        if start.payload.len() > MAX_VALUE_BYTES {
            return Some(format!("the payload has more than {MAX_VALUE_BYTES} bytes"));
        }
        if self.totals.waiting >= all || self.of(peer).waiting >= each {
            return Some(at_most("waiting requests", all, each));
        }
        if self.starting.len() >= keys && !self.starting.contains_key(key) {
            return Some(format!("keys being started: {keys} at most"));
        }
        None
    }

    fn found(&self, id: u64, key: &Key) -> Option<Answer> {
        let claim = self.claims.get(key)?;
        Some(Answer::Found {
            id,
            epoch: claim.epoch,
            value: claim.value.clone(),
            address: self.peers.get(&claim.peer)?.address,
        })
    }

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
        let (all, each) = (self.limits.max_offers, self.limits.max_each_per_peer);
        if self.totals.offers >= all || self.of(peer).offers >= each {
            let why = at_most("offers", all, each);
            return self.refuse(peer, id, Refusal::Full, why);
        }
        self.offers.insert(&prefix, (peer, id));
        let serial = self.number();
        let offer = Offer {
            prefix,
            slots,
            used: 0,
            drained: false,
            serial,
        };
        self.keep(peer, id, Request::Offer(offer));
    }

    pub(super) fn drain(&mut self, peer: PeerId, id: u64) {
        let it = self.peers.get_mut(&peer);
        if let Some(Request::Offer(offer)) = it.and_then(|it| it.requests.get_mut(&id)) {
            offer.drained = true;
        }
    }

    /// Gives the order to the next host, or tells all who wait that there is none.
    pub(super) fn place(&mut self, key: &Key, now: Instant) {
        let settling = self.settling(now).is_some();
        let Some(starting) = self.starting.get_mut(key) else {
            return;
        };
        let Some(latest) = starting.waiting.values().max().copied() else {
            self.starting.remove(key);
            return;
        };
        if settling {
            return;
        }
        let mut able = Vec::new();
        let mut busy = 0;
        for (peer, id) in self.offers.of(key) {
            let Some(host) = self.peers.get(&peer) else {
                continue;
            };
            let Some(Request::Offer(offer)) = host.requests.get(&id) else {
                continue;
            };
            if starting.tried.contains(&peer) {
                continue;
            }
            let listens = host.accepts()
                && host.orders.len() < self.limits.max_orders_per_host
                && !host.orders.contains_key(key);
            match offer.free() {
                free @ 1.. if listens => able.push((free, Reverse(offer.serial), peer, id)),
                _ => busy += 1,
            }
        }
        let shares = u32::try_from(able.len()).unwrap_or(SHARES).min(SHARES);
        let Some((_, Reverse(serial), host, id)) = able.into_iter().max() else {
            let why = match (busy, starting.tried.is_empty()) {
                (0, true) => "no host offers to start it".to_owned(),
                (0, false) => "there is no other host".to_owned(),
                _ => format!("hosts without a free slot: {busy}"),
            };
            return self.give_up(key, &why);
        };
        let within = latest.saturating_duration_since(now) / shares;
        let until = now + within;
        starting.placed = Some((host, until));
        let payload = starting.payload.clone();
        self.timers.insert((until, Timer::Order(key.clone())));
        let order = self.number();
        if let Some(it) = self.peers.get_mut(&host) {
            let offer = OfferRef { id, serial };
            it.orders.insert(key.clone(), Ordered { order, offer });
            if let Some(Request::Offer(offer)) = it.requests.get_mut(&id) {
                offer.used += 1;
            }
        }
        let key = key.clone();
        self.tell(
            host,
            Answer::Order {
                id,
                order,
                key,
                payload,
                within,
            },
        );
    }

    fn give_up(&mut self, key: &Key, last: &str) {
        let Some(starting) = self.starting.remove(key) else {
            return;
        };
        let why = starting.reasons(last);
        for ((peer, id), until) in starting.waiting {
            self.timers.remove(&(until, Timer::Waiting(peer, id)));
            self.forget(peer, id);
            self.tell(
                peer,
                Answer::Unavailable {
                    id,
                    why: why.clone(),
                },
            );
        }
    }

    /// The key is held now: all who wait are told.
    pub(super) fn started(&mut self, key: &Key) {
        let Some(starting) = self.starting.remove(key) else {
            return;
        };
        if let Some((_, until)) = starting.placed {
            self.timers.remove(&(until, Timer::Order(key.clone())));
        }
        for ((peer, id), until) in starting.waiting {
            self.timers.remove(&(until, Timer::Waiting(peer, id)));
            self.forget(peer, id);
            if let Some(found) = self.found(id, key) {
                self.tell(peer, found);
            }
        }
    }

    /// The time of one who waits is over.
    pub(super) fn waited(&mut self, peer: PeerId, id: u64) {
        let Some(Request::Waiting { key, .. }) = self.forget(peer, id) else {
            return;
        };
        let placed = self.starting.get(&key).and_then(|it| it.placed);
        let host = placed.and_then(|(host, _)| self.peers.get(&host));
        let last = match host {
            Some(host) => format!("{} has the order, and has not claimed it yet", host.address),
            None => "the daemon has just started and waits for former holders".to_owned(),
        };
        if let Some(starting) = self.starting.get(&key) {
            let why = starting.reasons(&last);
            self.tell(peer, Answer::Unavailable { id, why });
        }
        self.waits_no_longer(&key, peer, id);
    }

    /// The order of a host goes on without anybody who waits: another one may ask soon.
    pub(super) fn waits_no_longer(&mut self, key: &Key, peer: PeerId, id: u64) {
        if let Some(starting) = self.starting.get_mut(key) {
            starting.waiting.remove(&(peer, id));
            if starting.waiting.is_empty() && starting.placed.is_none() {
                self.starting.remove(key);
            }
        }
    }

    /// The host has not claimed the key in its time. Its slot stays taken until it answers.
    pub(super) fn order_expired(&mut self, key: &Key, now: Instant) {
        let placed = self.starting.get(key).and_then(|it| it.placed);
        if let Some((host, _)) = placed {
            let address = self.peers.get(&host).map(|it| it.address.to_string());
            let address = address.unwrap_or_default();
            self.fail(
                key,
                host,
                format!("{address} has not claimed it in time"),
                now,
            );
        }
    }

    /// A host has said that it does not carry out an order. Ignored when it has no such order.
    pub(super) fn refused(&mut self, peer: PeerId, order: u64, why: &str, now: Instant) {
        let Some(it) = self.peers.get(&peer) else {
            return;
        };
        let key = it.orders.iter().find(|(_, it)| it.order == order);
        if let Some((key, _)) = key {
            let key = key.clone();
            self.answered(peer, &key, why, now);
        }
    }

    /// A host has answered an order for this key, if it has one, and does not hold the key.
    pub(super) fn answered(&mut self, peer: PeerId, key: &Key, why: &str, now: Instant) {
        let Some(it) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some(ordered) = it.orders.remove(key) else {
            return;
        };
        it.give_back(ordered.offer);
        let mut why = format!("{}: {}", it.address, crate::printable(why));
        why.truncate(why.floor_char_boundary(MAX_REASON_BYTES));
        self.fail(key, peer, why, now);
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

    /// A host cannot start the key: the next one has to.
    pub(super) fn fail(&mut self, key: &Key, host: PeerId, why: String, now: Instant) {
        let Some(starting) = self.starting.get_mut(key) else {
            return;
        };
        let Some((_, until)) = starting.placed.take_if(|(placed, _)| *placed == host) else {
            return;
        };
        self.timers.remove(&(until, Timer::Order(key.clone())));
        starting.tried.insert(host);
        starting.because(why);
        self.place(key, now);
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

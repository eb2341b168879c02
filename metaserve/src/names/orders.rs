//! Keys that are to be started: who waits, and which host has the order.

use super::{
    MAX_VALUE_BYTES, MAX_WITHIN,
    core::{Names, Timer},
    event::{Answer, Effect, OrderEnd, PeerId, Permit, Refusal, Start},
    hosts::Hosts,
    key::Key,
    peer::{Bid, OfferRef, Ordered, Request},
    starting::Starting,
};
use crate::Limit;
use std::time::{Duration, Instant};

/// The longest reason of one host, in bytes.
const MAX_REASON_BYTES: usize = 80;

impl Names {
    pub(super) fn resolve(
        &mut self,
        peer: PeerId,
        id: u64,
        key: Key,
        start: Option<(Start, Permit)>,
        now: Instant,
    ) {
        if let Some(found) = self.found(id, &key) {
            return self.tell(peer, found);
        }
        let Some((start, permit)) = start else {
            let answer = match self.settle.left(&key, now) {
                None => Answer::Absent { id },
                Some(left) => Answer::Refused {
                    id,
                    refusal: Refusal::Settling,
                    again: Some(left),
                    why: self.settle.why().into(),
                },
            };
            return self.tell(peer, answer);
        };
        if let Err(why) = permit {
            return self.refuse(peer, id, Refusal::Ticket, why);
        }
        if let Some((limit, why)) = self.too_many_starts(peer, &key, &start) {
            return self.refuse_full(peer, id, limit, why);
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
        let starting = self.starting.entry(key.clone()).or_insert_with(|| {
            if let Some(it) = self.peers.get_mut(&peer) {
                it.starts += 1;
            }
            Starting::new(peer, start.payload)
        });
        starting.waiting.insert((peer, id), until);
        if starting.placed.is_none() {
            self.place(&key, now);
        }
    }

    fn too_many_starts(
        &self,
        peer: PeerId,
        key: &Key,
        start: &Start,
    ) -> Option<(Option<Limit>, String)> {
        if start.payload.len() > MAX_VALUE_BYTES {
            let why = format!("the payload has more than {MAX_VALUE_BYTES} bytes");
            return Some((None, why));
        }
        let all = (Limit::MaxResolvers, self.limits.max_waiting);
        if let Some((limit, why)) = self.full(peer, "waiting requests", all, |it| it.waiting) {
            return Some((Some(limit), why));
        }
        if self.starting.contains_key(key) {
            return None;
        }
        let keys = self.limits.max_orders;
        if self.starting.len() >= keys {
            let why = format!("keys being started: {keys} at most");
            return Some((Some(Limit::MaxOrders), why));
        }
        let each = self.limits.max_each_per_peer;
        if self.peers.get(&peer).is_some_and(|it| it.starts >= each) {
            let why = format!("keys being started for one peer: {each} at most");
            return Some((Some(Limit::MaxRequestsPerPeer), why));
        }
        None
    }

    /// The key is held, or nobody wants it started any longer.
    fn no_longer_starts(&mut self, key: &Key) -> Option<Starting> {
        let starting = self.starting.remove(key)?;
        if let Some(it) = self.peers.get_mut(&starting.by) {
            it.starts -= 1;
        }
        Some(starting)
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

    /// Gives the order to the next host, or tells all who wait that there is none.
    pub(super) fn place(&mut self, key: &Key, now: Instant) {
        let settling = self.settle.left(key, now).is_some();
        let Some(starting) = self.starting.get(key) else {
            return;
        };
        let Some(latest) = starting.waiting.values().max().copied() else {
            self.no_longer_starts(key);
            return;
        };
        if settling {
            return;
        }
        let found = self.hosts(key, &starting.tried);
        let why = match found {
            Hosts::Able(bid, shares) => {
                let within = latest.saturating_duration_since(now) / shares;
                return self.order(key, bid, within, now);
            }
            // It may still claim the key.
            Hosts::Silent(host) => return self.placed(key, host, latest),
            Hosts::Busy if starting.tried.is_empty() => "no host has a free slot",
            Hosts::Busy => "no other host has a free slot",
            Hosts::None if starting.tried.is_empty() => "no host offers to start it",
            Hosts::None => "there is no other host",
        };
        self.give_up(key, why);
    }

    fn order(&mut self, key: &Key, bid: Bid, within: Duration, now: Instant) {
        let Bid {
            serial, peer, id, ..
        } = bid;
        self.placed(key, peer, now + within);
        let (order, offer) = (self.number(), OfferRef { id, serial });
        if let Some(it) = self.peers.get_mut(&peer) {
            it.orders.insert(key.clone(), Ordered { order, offer });
            self.open.insert((key.clone(), peer));
        }
        self.change(peer, offer, |offer| offer.used += 1);
        let starting = self.starting.get(key);
        let payload = starting.map(|it| it.payload.clone()).unwrap_or_default();
        let key = key.clone();
        self.tell(
            peer,
            Answer::Order {
                id,
                order,
                key,
                payload,
                within,
            },
        );
    }

    fn placed(&mut self, key: &Key, host: PeerId, until: Instant) {
        if let Some(starting) = self.starting.get_mut(key) {
            starting.placed = Some((host, until));
            self.timers.insert((until, Timer::Order(key.clone())));
        }
    }

    /// Forgets the order of a host for this key, if it has one.
    pub(super) fn order_ends(&mut self, host: PeerId, key: &Key) -> Option<Ordered> {
        self.open.remove(&(key.clone(), host));
        self.peers.get_mut(&host)?.orders.remove(key)
    }

    fn give_up(&mut self, key: &Key, last: &str) {
        let Some(starting) = self.no_longer_starts(key) else {
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
        let Some(starting) = self.no_longer_starts(key) else {
            return;
        };
        if let Some((_, until)) = starting.placed {
            self.timers.remove(&(until, Timer::Order(key.clone())));
            self.effects.push(Effect::Ended(OrderEnd::Claimed));
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
            None => self.settle.why().to_owned(),
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
                self.no_longer_starts(key);
            }
        }
    }

    /// The host has not claimed the key in its time. Its slot stays taken until it answers.
    pub(super) fn order_expired(&mut self, key: &Key, now: Instant) {
        let placed = self.starting.get(key).and_then(|it| it.placed);
        if let Some((host, _)) = placed {
            let why = format!("{} has not claimed it in time", self.address(host));
            self.fail(key, host, (OrderEnd::Expired, why), now);
        }
    }

    fn address(&self, peer: PeerId) -> String {
        let address = self.peers.get(&peer).map(|it| it.address.to_string());
        address.unwrap_or_default()
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
        let Some(ordered) = self.order_ends(peer, key) else {
            return;
        };
        self.give_back(peer, ordered.offer);
        let address = self.address(peer);
        let mut why = format!("{address}: {}", crate::printable(why));
        why.truncate(why.floor_char_boundary(MAX_REASON_BYTES));
        self.fail(key, peer, (OrderEnd::Refused, why), now);
    }

    /// A host cannot start the key: the next one has to.
    pub(super) fn fail(
        &mut self,
        key: &Key,
        host: PeerId,
        (end, why): (OrderEnd, String),
        now: Instant,
    ) {
        let Some(starting) = self.starting.get_mut(key) else {
            return;
        };
        let Some((_, until)) = starting.placed.take_if(|(placed, _)| *placed == host) else {
            return;
        };
        self.timers.remove(&(until, Timer::Order(key.clone())));
        // A host that was silent before has had its order already.
        if starting.tried.insert(host) {
            starting.because(why);
            self.effects.push(Effect::Ended(end));
        }
        self.place(key, now);
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

//! What the daemon keeps of one connection.

use super::{
    MAX_UNREAD, MAX_UNREAD_BYTES,
    core::Claim,
    event::{Answer, PeerId},
    key::{Key, Prefix},
    watch::Watch,
};
use crate::bounds::Bucket;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    time::Instant,
};

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) requests: HashMap<u64, Request>,
    pub(super) totals: Totals,
    /// Its offers, by their prefixes. The best one of each prefix is among those of all peers.
    pub(super) bids: BTreeMap<Prefix, BTreeSet<Bid>>,
    /// Orders that it has not answered.
    pub(super) orders: BTreeMap<Key, Ordered>,
    /// Keys that are being started because it has asked.
    pub(super) starts: usize,
    pub(super) bucket: Bucket,
    answers: VecDeque<Answer>,
    /// The bytes of values and payloads in these answers.
    unread_bytes: usize,
    /// Watches that have something to tell.
    due: VecDeque<u64>,
    /// Whether the caller knows that there is something to take.
    ready: bool,
}

/// A request that has not ended.
#[derive(Debug)]
pub(super) enum Request {
    Claim { key: Key, serves: Option<OfferRef> },
    Waiting { key: Key, until: Instant },
    Watch(Watch),
    Offer(Offer),
}

#[derive(Debug)]
pub(super) struct Offer {
    pub(super) prefix: Prefix,
    pub(super) slots: u32,
    /// Slots of orders that are not answered, and of claims that were orders.
    pub(super) used: u32,
    pub(super) drained: bool,
    /// Never given to another offer.
    pub(super) serial: u64,
}

/// An offer among those of the same prefix: the one with the most free slots comes first, then the
/// oldest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bid {
    pub(super) free: Reverse<u32>,
    pub(super) serial: u64,
    pub(super) peer: PeerId,
    pub(super) id: u64,
}

/// An offer of the same peer. Its id may be in use again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfferRef {
    pub(super) id: u64,
    pub(super) serial: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ordered {
    pub(super) order: u64,
    pub(super) offer: OfferRef,
}

/// How many requests there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Claims that are held.
    pub claims: usize,
    /// Peers that wait for a key to be started.
    pub waiting: usize,
    /// Watches.
    pub watches: usize,
    /// Offers.
    pub offers: usize,
}

impl Totals {
    pub(super) fn of(&mut self, request: &Request) -> &mut usize {
        match request {
            Request::Claim { .. } => &mut self.claims,
            Request::Waiting { .. } => &mut self.waiting,
            Request::Watch(_) => &mut self.watches,
            Request::Offer(_) => &mut self.offers,
        }
    }
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            requests: HashMap::new(),
            totals: Totals::default(),
            bids: BTreeMap::new(),
            orders: BTreeMap::new(),
            starts: 0,
            bucket: Bucket::default(),
            answers: VecDeque::new(),
            unread_bytes: 0,
            due: VecDeque::new(),
            ready: false,
        }
    }

    pub(super) fn accepts(&self) -> bool {
        self.answers.len() < MAX_UNREAD && self.unread_bytes < MAX_UNREAD_BYTES
    }

    /// Whether the caller has to be told that there is something to take.
    pub(super) fn tell(&mut self, answer: Answer) -> bool {
        self.unread_bytes += answer.content().len();
        self.answers.push_back(answer);
        !std::mem::replace(&mut self.ready, true)
    }

    /// A watch may have something to tell. Returned as by [`tell`](Self::tell).
    pub(super) fn stir(&mut self, id: u64, touch: impl FnOnce(&mut Watch)) -> bool {
        let Some(Request::Watch(watch)) = self.requests.get_mut(&id) else {
            return false;
        };
        touch(watch);
        if watch.queued || !watch.has_more() {
            return false;
        }
        watch.queued = true;
        self.due.push_back(id);
        !std::mem::replace(&mut self.ready, true)
    }

    pub(super) fn forget_watch(&mut self, id: u64) {
        self.due.retain(|due| *due != id);
    }

    pub(super) fn take(&mut self, claims: &BTreeMap<Key, Claim>, settling: bool) -> Option<Answer> {
        if let Some(answer) = self.answers.pop_front() {
            self.unread_bytes -= answer.content().len();
            return Some(answer);
        }
        while let Some(id) = self.due.pop_front() {
            let Some(Request::Watch(watch)) = self.requests.get_mut(&id) else {
                continue;
            };
            let next = watch.next(id, claims, settling);
            watch.queued = watch.has_more();
            if watch.queued {
                self.due.push_back(id);
            }
            if next.is_some() {
                return next;
            }
        }
        self.ready = false;
        None
    }
}

impl Offer {
    /// Slots for further orders.
    pub(super) fn free(&self) -> u32 {
        match self.drained {
            true => 0,
            false => self.slots.saturating_sub(self.used),
        }
    }
    /// Where it is among the offers of its prefix.
    pub(super) fn bid(&self, peer: PeerId, id: u64) -> Bid {
        Bid {
            free: Reverse(self.free()),
            serial: self.serial,
            peer,
            id,
        }
    }
}

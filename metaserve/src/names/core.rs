//! The state, and what events do to it: peers, claims and watches.

use super::{
    RESERVE_AGAIN,
    changes::Changes,
    epochs::Epochs,
    event::{Answer, Effect, Event, OrderEnd, PeerId, Permit, Refusal, Said},
    key::{Key, Prefix},
    limits::NamesLimits,
    peer::{Bid, Peer, Request, Totals},
    prefixes::Prefixes,
    proof::Proofs,
    settle::Settle,
    starting::Starting,
    watch::Watch,
};
use crate::{Close, CloseCode, Limit};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// All names of one daemon: claims, watches, offers and orders.
///
/// Give it an [`Event::Tick`] first, and whenever [`next_timeout`](Self::next_timeout) has come.
/// Memory is bounded by the [limits](NamesLimits).
#[derive(Debug)]
pub struct Names {
    pub(super) limits: NamesLimits,
    pub(super) proofs: Proofs,
    pub(super) epochs: Epochs,
    pub(super) settle: Settle,
    pub(super) claims: BTreeMap<Key, Claim>,
    pub(super) peers: HashMap<PeerId, Peer>,
    pub(super) totals: Totals,
    /// Without those that begin anew as soon as their peer reads.
    pub(super) watches: Prefixes<(PeerId, u64)>,
    pub(super) changes: Changes,
    /// Of each peer and prefix, the best one.
    pub(super) offers: Prefixes<Bid>,
    pub(super) starting: BTreeMap<Key, Starting>,
    /// Orders that a host has not answered, also those whose time is over.
    pub(super) open: BTreeSet<(Key, PeerId)>,
    pub(super) timers: BTreeSet<(Instant, Timer)>,
    /// Numbers of orders and offers.
    pub(super) last_number: u64,
    pub(super) effects: Vec<Effect>,
}

/// A claim that is held.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) peer: PeerId,
    pub(super) id: u64,
    pub(super) epoch: u64,
    pub(super) value: Bytes,
}

impl Claim {
    pub(super) fn up(&self, id: u64, key: Key) -> Answer {
        Answer::Up {
            id,
            key,
            epoch: self.epoch,
            value: self.value.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Settled,
    Waiting(PeerId, u64),
    Order(Key),
}

impl Names {
    /// A daemon that holds nothing yet. Until `settle` has passed it grants only to former holders:
    /// [`SETTLE`](super::SETTLE), or zero if there can be none. `proofs` must be those of earlier
    /// runs.
    #[must_use]
    pub fn new(limits: NamesLimits, proofs: Proofs, settle: Duration, now: Instant) -> Self {
        Self {
            limits,
            proofs,
            epochs: Epochs::new(),
            settle: Settle::new(settle),
            claims: BTreeMap::new(),
            peers: HashMap::new(),
            totals: Totals::default(),
            watches: Prefixes::default(),
            changes: Changes::new(now),
            offers: Prefixes::default(),
            starting: BTreeMap::new(),
            open: BTreeSet::new(),
            timers: BTreeSet::new(),
            last_number: 0,
            effects: Vec::new(),
        }
    }

    /// Uses these limits for what comes. What is there stays.
    pub fn set_limits(&mut self, limits: NamesLimits) {
        self.limits = limits;
    }

    /// Handles one event. `now` never goes back.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        self.pass(now);
        match event {
            Event::Joined(peer, address) => {
                self.peers.insert(peer, Peer::new(address));
            }
            Event::Moved(peer, address) => {
                if let Some(it) = self.peers.get_mut(&peer) {
                    it.address = address;
                }
            }
            Event::Said(peer, said) => self.said(peer, said, Ok(()), now),
            Event::Unpermitted(peer, said, why) => self.said(peer, said, Err(why), now),
            Event::Gone(peer) => self.gone(peer, now),
            Event::Reserved(block) => {
                self.epochs.reserved(block);
                self.started_to_settle(now);
            }
            Event::NotReserved => {
                self.epochs.not_reserved(now + RESERVE_AGAIN);
                self.started_to_settle(now);
            }
            Event::StoodStill => self.stood_still(now),
            Event::Tick => {}
        }
        self.tell_changes(now);
        if let Some(from) = self.epochs.ask() {
            self.effects.push(Effect::Reserve { from });
        }
        std::mem::take(&mut self.effects)
    }

    /// The next answer for a peer, as things stand now; none until the next
    /// [`Effect::Ready`] for it.
    pub fn take(&mut self, peer: PeerId) -> Option<Answer> {
        let it = self.peers.get_mut(&peer)?;
        let answer = it.take(&self.claims, self.settle.is_for_all())?;
        if let Answer::Reset { id } = &answer
            && let Some(Request::Watch(watch)) = it.requests.get(id)
        {
            self.watches.insert(&watch.prefix, (peer, *id));
        }
        Some(answer)
    }

    /// Whether a message of this peer may be handled. If not, read nothing from it until it has
    /// taken answers; a message all the same closes it.
    #[must_use]
    pub fn accepts(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_none_or(Peer::accepts)
    }

    /// When [`handle`](Self::handle) has to be called, with [`Event::Tick`] if there is no other.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let others = [self.epochs.again_at(), self.changes.due()];
        timer.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// How many requests there are.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// How many keys are to be started.
    #[must_use]
    pub fn starting(&self) -> usize {
        self.starting.len()
    }

    fn pass(&mut self, now: Instant) {
        self.epochs.pass(now);
        while self.timers.first().is_some_and(|(at, _)| *at <= now) {
            match self.timers.pop_first() {
                Some((_, Timer::Settled)) => self.settled(now),
                Some((_, Timer::Waiting(peer, id))) => self.waited(peer, id),
                Some((_, Timer::Order(key))) => self.order_expired(&key, now),
                None => {}
            }
        }
    }

    fn said(&mut self, peer: PeerId, said: Said, permit: Permit, now: Instant) {
        let (per_second, at_once) = (
            f64::from(self.limits.requests_per_second),
            f64::from(self.limits.requests_at_once),
        );
        let Some(it) = self.peers.get_mut(&peer) else {
            return;
        };
        if !it.bucket.spend(now, per_second, at_once) {
            let why = format!("more than {per_second} requests per second");
            self.effects.push(Effect::Reached(Limit::RequestsPerSecond));
            return self.close(peer, Close::new(CloseCode::RateLimited, why), now);
        }
        if !it.accepts() {
            let why = "too many answers have not been read";
            return self.close(peer, Close::new(CloseCode::TooSlow, why), now);
        }
        if let Some(id) = said.opens().filter(|id| it.requests.contains_key(id)) {
            let close = Close::malformed(format_args!("request {id} has not ended yet"));
            return self.close(peer, close, now);
        }
        match said {
            Said::Claim {
                id,
                key,
                value,
                held,
                ..
            } => match self.decide(peer, &key, &value, permit, held, now) {
                Ok(epoch) => self.grant(peer, id, key, value, epoch),
                Err(no) => self.not_granted(peer, id, &key, no, now),
            },
            Said::Update { id, value } => self.update(peer, id, value, now),
            Said::Release { id } => {
                if let Some(request) = self.forget(peer, id) {
                    if let Request::Claim { key, .. } = &request {
                        self.settle.released(key);
                    }
                    self.ended(peer, id, request, now);
                }
            }
            Said::Resolve { id, key, start } => {
                let start = start.map(|start| (start, permit));
                self.resolve(peer, id, key, start, now);
            }
            Said::Watch { id, prefix } => self.watch(peer, id, prefix),
            Said::Offer {
                id, prefix, slots, ..
            } => self.offer(peer, id, prefix, slots, permit),
            Said::Refuse { order, why } => self.refused(peer, order, &why, now),
            Said::Drain { id } => self.drain(peer, id),
        }
    }

    fn gone(&mut self, peer: PeerId, now: Instant) {
        let Some(it) = self.peers.remove(&peer) else {
            return;
        };
        for (prefix, bids) in &it.bids {
            if let Some(best) = bids.first() {
                self.offers.remove(prefix, *best);
            }
        }
        for (id, request) in it.requests {
            *self.totals.of(&request) -= 1;
            self.ended(peer, id, request, now);
        }
        for key in it.orders.into_keys() {
            self.open.remove(&(key.clone(), peer));
            let why = format!("{} has left", it.address);
            self.fail(&key, peer, (OrderEnd::Left, why), now);
        }
    }

    pub(super) fn close(&mut self, peer: PeerId, close: Close, now: Instant) {
        self.gone(peer, now);
        self.effects.push(Effect::Close(peer, close));
    }

    pub(super) fn tell(&mut self, peer: PeerId, answer: Answer) {
        if self.peers.get_mut(&peer).is_some_and(|it| it.tell(answer)) {
            self.effects.push(Effect::Ready(peer));
        }
    }

    pub(super) fn refuse(&mut self, peer: PeerId, id: u64, refusal: Refusal, why: String) {
        self.refuse_for(peer, id, refusal, None, why);
    }

    /// Refuses a request that may succeed when `again` has passed.
    pub(super) fn refuse_for(
        &mut self,
        peer: PeerId,
        id: u64,
        refusal: Refusal,
        again: Option<Duration>,
        why: String,
    ) {
        self.tell(
            peer,
            Answer::Refused {
                id,
                refusal,
                again,
                why,
            },
        );
    }

    /// Keeps a request that goes on.
    pub(super) fn keep(&mut self, peer: PeerId, id: u64, request: Request) {
        if let Some(it) = self.peers.get_mut(&peer) {
            *self.totals.of(&request) += 1;
            *it.totals.of(&request) += 1;
            it.requests.insert(id, request);
        }
    }

    pub(super) fn forget(&mut self, peer: PeerId, id: u64) -> Option<Request> {
        let it = self.peers.get_mut(&peer)?;
        let request = it.requests.remove(&id)?;
        *self.totals.of(&request) -= 1;
        *it.totals.of(&request) -= 1;
        Some(request)
    }

    /// A request has ended by the will of its peer, which may be gone.
    fn ended(&mut self, peer: PeerId, id: u64, request: Request, now: Instant) {
        match request {
            Request::Claim { key, serves } => {
                self.claims.remove(&key);
                if let Some(offer) = serves {
                    self.give_back(peer, offer);
                }
                self.changes.add(&key);
            }
            Request::Waiting { key, until } => {
                self.timers.remove(&(until, Timer::Waiting(peer, id)));
                self.waits_no_longer(&key, peer, id);
            }
            Request::Watch(watch) => {
                self.watches.remove(&watch.prefix, (peer, id));
                if let Some(it) = self.peers.get_mut(&peer) {
                    it.forget_watch(id);
                }
            }
            Request::Offer(offer) => {
                self.rank(peer, &offer.prefix, |bids| {
                    bids.remove(&offer.bid(peer, id));
                });
                self.withdrawn(peer, offer.serial, now);
            }
        }
    }

    fn watch(&mut self, peer: PeerId, id: u64, prefix: Prefix) {
        let all = (Limit::MaxWatches, self.limits.max_watches);
        if let Some((limit, why)) = self.full(peer, "watches", all, |it| it.watches) {
            return self.refuse_full(peer, id, Some(limit), why);
        }
        self.watches.insert(&prefix, (peer, id));
        self.keep(peer, id, Request::Watch(Watch::new(prefix)));
        self.stir(peer, id, |_| ());
    }

    pub(super) fn stir(&mut self, peer: PeerId, id: u64, touch: impl FnOnce(&mut Watch)) {
        if self
            .peers
            .get_mut(&peer)
            .is_some_and(|it| it.stir(id, touch))
        {
            self.effects.push(Effect::Ready(peer));
        }
    }

    pub(super) fn of(&self, peer: PeerId) -> Totals {
        self.peers
            .get(&peer)
            .map(|it| it.totals)
            .unwrap_or_default()
    }
}

impl Said {
    /// The id of the request that it begins.
    const fn opens(&self) -> Option<u64> {
        match self {
            Self::Claim { id, .. }
            | Self::Resolve { id, .. }
            | Self::Watch { id, .. }
            | Self::Offer { id, .. } => Some(*id),
            Self::Update { .. }
            | Self::Release { .. }
            | Self::Refuse { .. }
            | Self::Drain { .. } => None,
        }
    }
}

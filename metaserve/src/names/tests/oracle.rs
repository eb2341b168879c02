//! What must be true, judged by nothing but what peers have said and were told.

use super::super::{Answer, Key, MAX_WITHIN, PeerId, Prefix, Refusal, SETTLE};
use bytes::Bytes;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// A grant that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) peer: PeerId,
    pub(super) id: u64,
    pub(super) epoch: u64,
    pub(super) value: Bytes,
}

/// A claim whose answer has not been seen.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) key: Key,
    pub(super) value: Bytes,
    /// The epoch of a genuine earlier grant that was shown.
    pub(super) shown: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) prefix: Prefix,
    pub(super) slots: usize,
    pub(super) drained: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) host: PeerId,
    pub(super) offer: u64,
    pub(super) key: Key,
    /// While it is, no other host may have an order for the key.
    pub(super) until: Instant,
}

#[derive(Debug)]
pub(super) struct Oracle {
    pub(super) holds: BTreeMap<Key, Hold>,
    /// The greatest epoch that was ever granted, over all keys and restarts.
    greatest: u64,
    /// The greatest epoch of each key that was ever granted.
    of_key: BTreeMap<Key, u64>,
    /// The greatest epoch of each key in this run.
    of_run: BTreeMap<Key, u64>,
    settled_at: Instant,
    /// What the file says: no epoch may reach it.
    pub(super) mark: u64,
    pub(super) has_block: bool,
    pub(super) asked: BTreeMap<(PeerId, u64), Asked>,
    pub(super) waiting: BTreeMap<(PeerId, u64), (Key, Instant)>,
    pub(super) hosts: BTreeMap<(PeerId, u64), Host>,
    pub(super) open: BTreeMap<u64, Open>,
    /// Claims that were orders, by the claim: they use a slot.
    serves: BTreeMap<(PeerId, u64), (PeerId, u64)>,
    /// Who has had an order for a key since it was last granted.
    tried: BTreeSet<(Key, PeerId)>,
    /// Holders that must be told that they have lost.
    losers: BTreeSet<(PeerId, u64)>,
}

impl Oracle {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            holds: BTreeMap::new(),
            greatest: 0,
            of_key: BTreeMap::new(),
            of_run: BTreeMap::new(),
            settled_at: now + SETTLE,
            mark: 1,
            has_block: false,
            asked: BTreeMap::new(),
            waiting: BTreeMap::new(),
            hosts: BTreeMap::new(),
            open: BTreeMap::new(),
            serves: BTreeMap::new(),
            tried: BTreeSet::new(),
            losers: BTreeSet::new(),
        }
    }

    /// The daemon has been killed and started again.
    pub(super) fn restarted(&mut self, now: Instant) {
        let (greatest, mark) = (self.greatest, self.mark);
        let of_key = std::mem::take(&mut self.of_key);
        *self = Self::new(now);
        (self.greatest, self.mark, self.of_key) = (greatest, mark, of_key);
    }

    pub(super) fn settling(&self, now: Instant) -> bool {
        now < self.settled_at
    }

    /// The peer has released a request.
    pub(super) fn released(&mut self, peer: PeerId, id: u64) {
        self.holds
            .retain(|_, hold| (hold.peer, hold.id) != (peer, id));
        self.serves.remove(&(peer, id));
        self.waiting.remove(&(peer, id));
        self.hosts.remove(&(peer, id));
        self.open
            .retain(|_, open| (open.host, open.offer) != (peer, id));
    }

    pub(super) fn gone(&mut self, peer: PeerId) {
        self.holds.retain(|_, hold| hold.peer != peer);
        self.serves.retain(|(of, _), _| *of != peer);
        self.waiting.retain(|(of, _), _| *of != peer);
        self.hosts.retain(|(of, _), _| *of != peer);
        self.open.retain(|_, open| open.host != peer);
    }

    /// A peer was told this.
    pub(super) fn told(&mut self, peer: PeerId, answer: &Answer, now: Instant) {
        match answer {
            Answer::Granted { id, epoch, .. } => self.granted(peer, *id, *epoch, now),
            Answer::Held { id, epoch, value } => {
                let asked = self.asked.remove(&(peer, *id)).expect("it was asked");
                let hold = self.holds.get(&asked.key).expect("somebody holds it");
                assert_eq!((hold.epoch, &hold.value), (*epoch, value));
                assert!(
                    asked.shown.is_none_or(|shown| shown < *epoch),
                    "its own claim"
                );
                self.answered(peer, &asked.key, now);
            }
            Answer::Lost { id } => assert!(self.losers.remove(&(peer, *id)), "it holds it still"),
            Answer::Found {
                id, epoch, value, ..
            } => {
                let (key, _) = self.waiting.remove(&(peer, *id)).expect("it waits");
                let hold = self.holds.get(&key).expect("somebody holds it");
                assert_eq!((hold.epoch, &hold.value), (*epoch, value));
            }
            Answer::Unavailable { id, why } => {
                let (key, until) = self.waiting.remove(&(peer, *id)).expect("it waits");
                assert!(!self.holds.contains_key(&key), "it is there");
                assert!(!why.is_empty());
                assert!(now <= until, "it was told late");
                if now < until {
                    let able = self.able(&key);
                    assert!(able.is_empty(), "{able:?} could start {key}");
                    let open = self.open.values().find(|open| open.key == key);
                    assert!(open.is_none(), "{open:?} may still start it");
                }
            }
            Answer::Refused { id, refusal, .. } => {
                let asked = self.asked.remove(&(peer, *id)).expect("it was asked");
                assert!(!self.holds.contains_key(&asked.key));
                match refusal {
                    Refusal::Settling => {
                        assert!(self.settling(now));
                        let before = self.of_run.get(&asked.key).copied();
                        assert!(
                            asked.shown < before || asked.shown.is_none(),
                            "it was its own"
                        );
                    }
                    Refusal::NoEpochs => assert!(!self.has_block, "there are epochs"),
                    other => panic!("{other:?} without a reason"),
                }
                self.answered(peer, &asked.key, now);
            }
            Answer::Order {
                id,
                order,
                key,
                within,
                ..
            } => {
                self.ordered(peer, *id, *order, key, now + *within, now);
                assert!(*within <= MAX_WITHIN);
            }
            Answer::Absent { .. }
            | Answer::Up { .. }
            | Answer::Current { .. }
            | Answer::Down { .. }
            | Answer::Reset { .. } => {}
        }
    }

    fn granted(&mut self, peer: PeerId, id: u64, epoch: u64, now: Instant) {
        let Asked { key, value, shown } = self.asked.remove(&(peer, id)).expect("it was asked");
        let former = self.holds.remove(&key);
        // An epoch of a key goes back in one case alone: a stale holder shows its own after a
        // restart, and nobody has shown a greater one since. It may be displaced by another one.
        let ever = self.of_key.entry(key.clone()).or_default();
        if epoch < *ever {
            assert_eq!(shown, Some(epoch), "{key}: {epoch} after {ever}");
            assert!(former.is_some() || now < self.settled_at, "{key} was free");
        }
        *ever = epoch.max(*ever);
        if let Some(former) = &former {
            assert_eq!(shown, Some(epoch), "{key} has a holder");
            assert!(epoch >= former.epoch, "a stale claim displaces a newer one");
            self.losers.insert((former.peer, former.id));
            self.serves.remove(&(former.peer, former.id));
        } else if self.settling(now) {
            assert_eq!(shown, Some(epoch), "only former holders");
        } else {
            assert!(epoch > self.greatest, "{epoch} after {}", self.greatest);
            assert!(
                self.has_block && epoch < self.mark,
                "{epoch} is not reserved"
            );
        }
        let before = self.of_run.insert(key.clone(), epoch);
        assert!(before <= Some(epoch), "{key}: {epoch} after {before:?}");
        self.greatest = self.greatest.max(epoch);
        let mine = |open: &Open| open.host == peer && open.key == key;
        let order = self.open.iter().find(|(_, open)| mine(open));
        if let Some((&order, open)) = order {
            self.serves.insert((peer, id), (peer, open.offer));
            self.open.remove(&order);
        }
        // Another host may still answer: it keeps its slot, and the key is no longer wanted.
        for open in self.open.values_mut().filter(|open| open.key == key) {
            open.until = now;
        }
        self.tried.retain(|(of, _)| *of != key);
        self.holds.insert(
            key,
            Hold {
                peer,
                id,
                epoch,
                value,
            },
        );
    }

    /// A host has answered its order, if it has one, and does not hold the key.
    pub(super) fn answered(&mut self, host: PeerId, key: &Key, now: Instant) {
        let before = self.open.len();
        self.open
            .retain(|_, open| open.host != host || open.key != *key);
        // Whoever asks while an order of before the last grant is open waits for its host: this
        // was that host's turn, unless another one has the order by now.
        let mut others = self.open.values().filter(|open| open.key == *key);
        let wanted = self.waiting.values().any(|(of, _)| of == key);
        if self.open.len() < before && wanted && !others.any(|open| open.until > now) {
            self.tried.insert((key.clone(), host));
        }
    }

    fn free(&self, offer: (PeerId, u64)) -> usize {
        let open = self
            .open
            .values()
            .filter(|open| (open.host, open.offer) == offer);
        let serves = self.serves.values().filter(|of| **of == offer);
        let host = &self.hosts[&offer];
        match host.drained {
            true => 0,
            false => host.slots.saturating_sub(open.count() + serves.count()),
        }
    }

    /// The offers of hosts that could start the key and were not asked, the best one last.
    fn able(&self, key: &Key) -> Vec<(usize, Reverse<u64>)> {
        let open = |peer| {
            let mut open = self.open.values();
            open.any(|open| open.host == peer && open.key == *key)
        };
        let asked = |peer| open(peer) || self.tried.contains(&(key.clone(), peer));
        let offers = self.hosts.iter();
        let covering = offers.filter(|((peer, _), it)| it.prefix.covers(key) && !asked(*peer));
        let ranked = covering.map(|(offer, _)| (self.free(*offer), Reverse(offer.1)));
        let mut able: Vec<_> = ranked.filter(|(free, _)| *free > 0).collect();
        able.sort_unstable();
        able
    }

    fn ordered(
        &mut self,
        host: PeerId,
        offer: u64,
        order: u64,
        key: &Key,
        until: Instant,
        now: Instant,
    ) {
        let it = self.hosts.get(&(host, offer)).expect("it offers");
        assert!(it.prefix.covers(key));
        assert!(self.free((host, offer)) > 0, "no free slot");
        assert!(!self.settling(now), "a former holder may come back");
        assert!(!self.holds.contains_key(key), "{key} is held");
        assert!(
            self.waiting.values().any(|(of, _)| of == key),
            "nobody wants {key}"
        );
        let mut others = self.open.values().filter(|open| open.key == *key);
        assert!(!others.any(|open| open.until > now), "two orders for {key}");
        // Ids grow: the oldest offer has the smallest.
        let own = (self.free((host, offer)), Reverse(offer));
        let best = self.able(key).pop();
        assert!(
            best <= Some(own),
            "{best:?} has more free slots than {own:?}"
        );
        self.tried.insert((key.clone(), host));
        let key = key.clone();
        let open = Open {
            host,
            offer,
            key,
            until,
        };
        assert!(self.open.insert(order, open).is_none(), "an order twice");
    }

    /// All answers were seen.
    pub(super) fn quiet(&self, now: Instant) {
        assert!(self.asked.is_empty(), "without an answer: {:?}", self.asked);
        assert!(self.losers.is_empty(), "not told: {:?}", self.losers);
        for (key, until) in self.waiting.values() {
            assert!(now < *until, "it waits too long for {key}");
            assert!(!self.holds.contains_key(key), "{key} is there");
            let placed = self.open.values().any(|open| open.key == *key);
            assert!(placed || self.settling(now), "nobody starts {key}");
        }
    }

    /// How long until something must happen by itself.
    pub(super) fn longest_wait() -> Duration {
        SETTLE + Duration::from_secs(5)
    }
}

//! Who is granted a key, and with which epoch.

use super::{
    MAX_VALUE_BYTES, RESERVE_AGAIN,
    core::{Claim, Names},
    event::{Answer, Held, PeerId, Permit, Refusal},
    key::Key,
    peer::Request,
};
use crate::{Close, Limit};
use bytes::Bytes;
use std::time::{Duration, Instant};

impl Names {
    /// The epoch with which the peer is granted the key, or what it is told instead.
    pub(super) fn decide(
        &mut self,
        peer: PeerId,
        key: &Key,
        value: &Bytes,
        permit: Permit,
        held: Option<Held>,
        now: Instant,
    ) -> Result<u64, No> {
        within_limit(value)?;
        let shown = held.filter(|held| self.proofs.verify(key, held));
        let shown = shown.map(|held| held.epoch);
        if let Some(epoch) = shown {
            self.epochs.saw(epoch);
        }
        let holder = self.claims.get(key);
        // The same claim, as it was granted before: it needs no new ticket.
        let again = match holder {
            Some(holder) => shown.filter(|epoch| *epoch >= holder.epoch),
            None if self.settle.left(key, now).is_some() => {
                shown.filter(|epoch| *epoch >= self.settle.least(key))
            }
            None => None,
        };
        if again.is_none() {
            permit.map_err(|why| No::Refused(Refusal::Ticket, None, why))?;
            if let Some(holder) = holder {
                return Err(No::Held(holder.epoch, holder.value.clone()));
            }
            if let Some(left) = self.settle.left(key, now) {
                let why = self.settle.why();
                return Err(No::Refused(Refusal::Settling, Some(left), why.into()));
            }
        }
        let each = self.limits.max_claims_per_peer;
        let own = holder.is_some_and(|holder| holder.peer == peer);
        if self.of(peer).claims >= each && !own {
            let why = format!("this peer has all of its {each} claims");
            return Err(No::Full(Some(Limit::MaxClaimsPerPeer), why));
        }
        let all = self.limits.max_claims;
        let more = holder.is_none() && self.totals.claims >= all;
        if more || (again.is_some() && self.settle.is_full(key, all)) {
            let why = format!("the daemon has all of its {all} claims");
            return Err(No::Full(Some(Limit::MaxClaims), why));
        }
        if again.is_some() {
            return again.ok_or_else(No::no_epochs);
        }
        self.epochs.next().ok_or_else(No::no_epochs)
    }

    pub(super) fn grant(&mut self, peer: PeerId, id: u64, key: Key, value: Bytes, epoch: u64) {
        if let Some(former) = self.claims.remove(&key) {
            let request = self.forget(former.peer, former.id);
            if let Some(Request::Claim {
                serves: Some(offer),
                ..
            }) = request
            {
                self.give_back(former.peer, offer);
            }
            self.tell(former.peer, Answer::Lost { id: former.id });
        }
        self.settle.granted(&key, epoch);
        let ordered = self.order_ends(peer, &key);
        let serves = ordered.map(|ordered| ordered.offer);
        self.keep(
            peer,
            id,
            Request::Claim {
                key: key.clone(),
                serves,
            },
        );
        let proof = self.proofs.prove(&key, epoch);
        self.tell(peer, Answer::Granted { id, epoch, proof });
        self.claims.insert(
            key.clone(),
            Claim {
                peer,
                id,
                epoch,
                value,
            },
        );
        self.started(&key);
        self.changes.add(&key);
    }

    pub(super) fn not_granted(&mut self, peer: PeerId, id: u64, key: &Key, no: No, now: Instant) {
        let why = match no {
            No::Held(epoch, value) => {
                self.tell(peer, Answer::Held { id, epoch, value });
                String::new()
            }
            No::Full(limit, why) => {
                self.refuse_full(peer, id, limit, why.clone());
                why
            }
            No::Refused(refusal, again, why) => {
                self.refuse_for(peer, id, refusal, again, why.clone());
                why
            }
        };
        self.answered(peer, key, &format!("its claim was refused: {why}"), now);
    }

    pub(super) fn update(&mut self, peer: PeerId, id: u64, value: Bytes, now: Instant) {
        let it = self.peers.get(&peer);
        let Some(Request::Claim { key, .. }) = it.and_then(|it| it.requests.get(&id)) else {
            // It may have been lost a moment ago.
            return;
        };
        let key = key.clone();
        if within_limit(&value).is_err() {
            let close = Close::malformed("the value is too long");
            return self.close(peer, close, now);
        }
        if let Some(claim) = self.claims.get_mut(&key).filter(|it| it.value != value) {
            claim.value = value;
            self.changes.add(&key);
        }
    }
}

/// Why a claim is not granted.
pub(super) enum No {
    Held(u64, Bytes),
    /// There are too many, or the value is too long.
    Full(Option<Limit>, String),
    Refused(Refusal, Option<Duration>, String),
}

impl No {
    fn no_epochs() -> Self {
        let why = "the daemon cannot reserve epochs: see its log";
        Self::Refused(Refusal::NoEpochs, Some(RESERVE_AGAIN), why.into())
    }
}

fn within_limit(value: &Bytes) -> Result<(), No> {
    match value.len() <= MAX_VALUE_BYTES {
        true => Ok(()),
        false => Err(No::Full(
            None,
            format!(
                "the value has {} bytes, more than {MAX_VALUE_BYTES}",
                value.len()
            ),
        )),
    }
}

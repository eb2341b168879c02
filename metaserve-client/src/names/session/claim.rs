//! A claim, from the question to its loss.

use super::{Kind, Next, Session, slots::Slot};
use crate::names::error::{ClaimError, Failed, Lost, Refused};
use bytes::Bytes;
use metaserve::{
    names::{Answer, Held, Key},
    protocol::{
        codec,
        names::{self as wire, FromPeer},
    },
};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long after the loss of a connection the daemon may still count it: it notices after 5 s, and
/// looks twice a second.
const HAUNTS: Duration = Duration::from_secs(6);

/// How often a key is claimed again that a lost connection of ours may hold.
const HELD_AGAIN: Duration = Duration::from_millis(500);

/// What the program asks for.
#[derive(Clone, Debug)]
pub(in crate::names) struct Asked {
    pub(in crate::names) key: Key,
    pub(in crate::names) value: Bytes,
    pub(in crate::names) ticket: Option<Bytes>,
}

/// How a claim stands.
#[derive(Clone, Debug)]
pub(in crate::names) enum ClaimState {
    Asked,
    NotGranted(ClaimError),
    Held { epoch: u64, certain: bool },
    Lost(Lost),
}

impl ClaimState {
    const fn is_certain(&self) -> bool {
        matches!(self, Self::Held { certain: true, .. })
    }
}

#[derive(Debug)]
pub(super) struct Claim {
    asked: Asked,
    /// The grant. Its epoch is that of the claim for as long as it is held.
    held: Option<Held>,
    /// Whether the value has changed since the daemon was told.
    changed: bool,
    /// Until when the holder may be a lost connection of ours, over which the key was claimed: the
    /// answer may have been lost with it.
    haunted: Option<Instant>,
    /// The slot that it takes, if it was ordered.
    slot: Option<Slot>,
    state: watch::Sender<ClaimState>,
}

impl Session {
    /// Claims a key. Fails unless it is granted until then.
    pub(in crate::names) fn claim(
        &mut self,
        asked: Asked,
        until: Instant,
    ) -> (u64, watch::Receiver<ClaimState>) {
        let (state, seen) = watch::channel(ClaimState::Asked);
        let claim = Claim {
            asked,
            held: None,
            changed: false,
            haunted: None,
            slot: None,
            state,
        };
        (self.begin(Kind::Claim(claim), Some(until)), seen)
    }

    /// Changes the value of a claim. Ignored when it has ended.
    pub(in crate::names) fn update(&mut self, id: u64, value: Bytes) {
        let request = self.requests.get_mut(&id);
        if let Some(Kind::Claim(claim)) = request.map(|it| &mut it.kind) {
            (claim.asked.value, claim.changed) = (value, true);
            self.queue(id);
        }
    }

    /// Whether nobody else can have been granted the key of this claim.
    pub(in crate::names) fn is_certain(&self, id: u64, now: Instant) -> bool {
        let Some(Kind::Claim(claim)) = self.requests.get(&id).map(|it| &it.kind) else {
            return false;
        };
        claim.is_held_for_certain() && self.is_heard(now)
    }
}

impl Claim {
    pub(super) const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether it was granted over the present connection.
    pub(super) fn is_held_for_certain(&self) -> bool {
        self.state.borrow().is_certain()
    }

    pub(super) const fn key(&self) -> &Key {
        &self.asked.key
    }

    /// It takes this slot, and no longer the one that is returned.
    pub(super) const fn takes(&mut self, slot: Slot) -> Option<Slot> {
        self.slot.replace(slot)
    }

    /// It has ended, and takes this slot no longer.
    pub(super) const fn leaves(&mut self) -> Option<Slot> {
        self.slot.take()
    }

    pub(super) fn say(&mut self, id: u64, anew: bool) -> Option<Bytes> {
        let Asked { key, value, ticket } = &self.asked;
        let changed = std::mem::take(&mut self.changed);
        if !anew {
            return changed.then(|| codec::frame(FromPeer::Update { id, value }));
        }
        let held = |held: Held| wire::Held {
            epoch: held.epoch,
            proof: held.proof,
        };
        Some(codec::frame(FromPeer::Claim(wire::Claim {
            id,
            key: key.as_str(),
            value,
            ticket: ticket.as_deref(),
            held: self.held.map(held),
        })))
    }

    pub(super) fn answered(
        &mut self,
        answer: Answer,
        until: Option<Instant>,
        now: Instant,
    ) -> Next {
        let again = now + HELD_AGAIN;
        let haunted = self.haunted.is_some_and(|end| now < end);
        let in_time = until.is_none_or(|until| again < until);
        let (ended, next) = match (answer, self.held) {
            (Answer::Granted { epoch, .. }, Some(held)) if epoch != held.epoch => {
                (ClaimState::Lost(Lost::Interrupted), Next::Release)
            }
            (Answer::Granted { epoch, proof, .. }, _) => {
                self.held = Some(Held { epoch, proof });
                let certain = true;
                (ClaimState::Held { epoch, certain }, Next::Established)
            }
            (Answer::Held { .. }, None) if haunted && in_time => return Next::Again(again),
            (Answer::Held { epoch, value, .. }, None) => {
                let held = ClaimError::Held { epoch, value };
                (ClaimState::NotGranted(held), Next::Ended)
            }
            (Answer::Held { epoch, .. }, Some(_)) => {
                (ClaimState::Lost(Lost::Taken { epoch }), Next::Ended)
            }
            (Answer::Lost { .. }, Some(_)) => (ClaimState::Lost(Lost::Displaced), Next::Ended),
            _ => return Next::Goes,
        };
        self.state.send_replace(ended);
        next
    }

    /// The daemon does not let it be held again.
    pub(super) fn not_renewed(&self, refused: Refused) {
        self.state
            .send_replace(ClaimState::Lost(Lost::Refused(refused)));
    }

    /// The daemon has freed the key, and may grant it to another one.
    pub(super) fn freed(&self) {
        self.state.send_replace(ClaimState::Lost(Lost::Interrupted));
    }

    pub(super) fn disconnected(&mut self, said: bool, now: Instant) {
        if let Some(Held { epoch, .. }) = self.held {
            let certain = false;
            self.state.send_replace(ClaimState::Held { epoch, certain });
        } else if said {
            self.haunted = Some(now + HAUNTS);
        }
    }

    pub(super) fn fail(self, why: Failed) {
        let state = match (self.held, why) {
            (None, why) => ClaimState::NotGranted(why.into()),
            (Some(_), Failed::Ended(ended)) => ClaimState::Lost(Lost::Ended(ended)),
            (Some(_), _) => ClaimState::Lost(Lost::Closed),
        };
        self.state.send_replace(state);
    }
}

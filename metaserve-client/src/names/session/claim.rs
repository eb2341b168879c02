//! A claim, from the question to its loss.

use super::{Kind, Next, Session};
use crate::names::error::{ClaimError, Failed, Lost, Refused};
use bytes::Bytes;
use metaserve::{
    names::{Answer, Held, Key},
    protocol::{
        codec,
        names::{self as wire, FromPeer},
    },
};
use std::time::Instant;
use tokio::sync::watch;

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

#[derive(Debug)]
pub(super) struct Claim {
    asked: Asked,
    /// The grant. Its epoch is that of the claim for as long as it is held.
    held: Option<Held>,
    /// Whether the value has changed since the daemon was told.
    changed: bool,
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
        let certain = matches!(
            *claim.state.borrow(),
            ClaimState::Held { certain: true, .. }
        );
        certain && self.is_alive(now)
    }
}

impl Claim {
    pub(super) const fn is_held(&self) -> bool {
        self.held.is_some()
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

    pub(super) fn answered(&mut self, answer: Answer) -> Next {
        let (ended, next) = match (answer, self.held) {
            (Answer::Granted { epoch, .. }, Some(held)) if epoch != held.epoch => {
                (ClaimState::Lost(Lost::Interrupted), Next::Release)
            }
            (Answer::Granted { epoch, proof, .. }, _) => {
                self.held = Some(Held { epoch, proof });
                let certain = true;
                (ClaimState::Held { epoch, certain }, Next::Established)
            }
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

    pub(super) fn disconnected(&mut self) {
        if let Some(Held { epoch, .. }) = self.held {
            let certain = false;
            self.state.send_replace(ClaimState::Held { epoch, certain });
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

//! A key that the program claims, and holds.

use super::{
    Asks, Names,
    holder::{Holder, Texts},
};
use crate::core::{Error, State, thread::Lease};
use bytes::Bytes;
use futures::FutureExt;
use metaserve_client::names::{self, ClaimError, ClaimRequest};
use std::{ffi::c_char, fmt, pin::Pin};

/// A claim: asked for, held, or over.
#[derive(Debug)]
pub(crate) struct Claim {
    key: String,
    /// Its own value, or that of the other holder.
    value: Bytes,
    at: At,
    texts: Texts,
    /// Dropped last.
    lease: Lease,
}

enum At {
    Asked(Pin<Box<dyn Future<Output = Result<names::Claim, ClaimError>> + Send>>),
    Held(names::Claim),
    Over {
        why: String,
        /// The epoch of the other holder, if there is one.
        other: Option<u64>,
    },
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked(_) => "Asked",
            Self::Held(_) => "Held",
            Self::Over { .. } => "Over",
        })
    }
}

impl Claim {
    pub(crate) fn open(names: &Names, asks: Asks) -> Result<Self, Error> {
        let key = names::Key::new(&asks.key).map_err(Error::argument)?;
        let request = names.connection.names.claim(key.as_str());
        Self::begin(key.to_string(), request, asks)
    }

    /// Claims with these options.
    pub(super) fn begin(key: String, request: ClaimRequest, asks: Asks) -> Result<Self, Error> {
        let lease = Lease::new()?;
        let value = Bytes::from(asks.value);
        let mut request = request.value(value.clone());
        if let Some(ticket) = asks.ticket {
            request = request.ticket(ticket);
        }
        if let Some(within) = asks.within {
            request = request.within(within);
        }
        let mut claim = Self {
            key,
            value,
            at: At::Asked(request.into_future()),
            texts: Texts::default(),
            lease,
        };
        // The first poll asks.
        claim.look();
        Ok(claim)
    }

    /// Looks how it stands.
    fn look(&mut self) -> State {
        let _inside = self.lease.enter();
        if let At::Asked(asked) = &mut self.at {
            match asked.now_or_never() {
                None => return State::Connecting,
                Some(Ok(claim)) => self.at = At::Held(claim),
                Some(Err(error)) => {
                    let why = error.to_string();
                    let other = match error {
                        ClaimError::Held { epoch, value } => {
                            self.value = value;
                            Some(epoch)
                        }
                        _ => None,
                    };
                    self.at = At::Over { why, other };
                }
            }
        }
        if let At::Held(claim) = &self.at
            && let Some(lost) = claim.lost().now_or_never()
        {
            let other = match lost {
                names::Lost::Taken { epoch } => Some(epoch),
                _ => None,
            };
            self.value = Bytes::new();
            let why = lost.to_string();
            self.at = At::Over { why, other };
        }
        match &self.at {
            At::Asked(_) => State::Connecting,
            At::Held(claim) if claim.is_certain() => State::Live,
            At::Held(_) => State::Waiting,
            At::Over { .. } => State::Ended,
        }
    }

    /// How it stands, and who holds the key as far as is known.
    pub(crate) fn poll(&mut self) -> (State, Holder) {
        let state = self.look();
        let epoch = match &self.at {
            At::Held(claim) => Some(claim.epoch()),
            At::Over { other, .. } => *other,
            At::Asked(_) => None,
        };
        let holder = match epoch {
            Some(epoch) => self.texts.holder(&self.key, epoch, &self.value, None),
            None => self.texts.nobody(&self.key),
        };
        (state, holder)
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let state = self.look();
        let why = match &self.at {
            At::Over { why, .. } => why,
            _ => "",
        };
        (state, self.texts.text.set(why))
    }

    /// Changes the value that all can see.
    pub(crate) fn update(&mut self, value: &[u8]) -> Result<State, Error> {
        match self.look() {
            State::Connecting => Err(Error::argument(
                "the claim has no answer yet: poll it until it is held, then change its value",
            )),
            state => {
                if let At::Held(claim) = &self.at {
                    let value = Bytes::copy_from_slice(value);
                    claim.update(value.clone()).map_err(Error::argument)?;
                    self.value = value;
                }
                Ok(state)
            }
        }
    }
}

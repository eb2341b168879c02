//! Messages as they are on the wire, and as [`names`] knows them.

use super::{
    super::codec::{self, DecodeError},
    FromDaemon, FromPeer, Held, MAX_TICKET_BYTES, Start,
};
use crate::names::{
    self, Answer, InvalidKey, Key, MAX_VALUE_BYTES, MAX_WHY_BYTES, MAX_WITHIN, Prefix, Refusal,
    Said,
};
use bytes::Bytes;
use std::time::Duration;

/// A message can be read, and says what is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// A text is not a key or prefix.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A value or payload is too long.
    #[error("a value has at most {MAX_VALUE_BYTES} bytes, and this one has {0}")]
    Value(usize),
    /// A ticket is too long.
    #[error("a ticket has at most {MAX_TICKET_BYTES} bytes, and this one has {0}")]
    Ticket(usize),
}

impl FromPeer<'_> {
    /// The message, checked and independent of the bytes that it was read from.
    ///
    /// # Errors
    /// What is not allowed in it.
    pub fn own(&self) -> Result<Said, NotAllowed> {
        Ok(match *self {
            Self::Claim(claim) => Said::Claim {
                id: claim.id,
                key: Key::new(claim.key)?,
                value: value(claim.value)?,
                ticket: ticket(claim.ticket)?,
                held: claim
                    .held
                    .map(|Held { epoch, proof }| names::Held { epoch, proof }),
            },
            Self::Update { id, value: bytes } => Said::Update {
                id,
                value: value(bytes)?,
            },
            Self::Release { id } | Self::Unwatch { id } => Said::Release { id },
            Self::Resolve { id, key, start } => Said::Resolve {
                id,
                key: Key::new(key)?,
                start: start.map(own_start).transpose()?,
            },
            Self::Watch { id, prefix } => Said::Watch {
                id,
                prefix: Prefix::new(prefix)?,
            },
            Self::Offer {
                id,
                prefix,
                slots,
                ticket: bytes,
            } => Said::Offer {
                id,
                prefix: Prefix::new(prefix)?,
                slots,
                ticket: ticket(bytes)?,
            },
            Self::Refused { order, why } => Said::Refuse {
                order,
                why: why[..why.floor_char_boundary(MAX_WHY_BYTES)].to_owned(),
            },
            Self::Drain { id } => Said::Drain { id },
        })
    }
}

impl<'a> From<&'a Answer> for FromDaemon<'a> {
    fn from(answer: &'a Answer) -> Self {
        match *answer {
            Answer::Granted { id, epoch, proof } => Self::Granted { id, epoch, proof },
            Answer::Held {
                id,
                epoch,
                ref value,
            } => Self::Held { id, epoch, value },
            Answer::Lost { id } => Self::Lost { id },
            Answer::Found {
                id,
                epoch,
                ref value,
                address,
            } => Self::Found {
                id,
                epoch,
                value,
                address,
            },
            Answer::Absent { id } => Self::Absent { id },
            Answer::Unavailable { id, ref why } => Self::Unavailable { id, why },
            Answer::Up {
                id,
                ref key,
                epoch,
                ref value,
            } => Self::Up {
                id,
                key: key.as_str(),
                epoch,
                value,
            },
            Answer::Current { id } => Self::Current { id },
            Answer::Down { id, ref key } => Self::Down {
                id,
                key: key.as_str(),
            },
            Answer::Reset { id } => Self::Reset { id },
            Answer::Order {
                id,
                order,
                ref key,
                ref payload,
                within,
            } => Self::Order {
                id,
                order,
                key: key.as_str(),
                payload,
                within_millis: millis(within),
            },
            Answer::Refused {
                id,
                refusal,
                again,
                ref why,
            } => Self::Refused {
                id,
                refusal: refusal.number(),
                again_millis: again.map(millis),
                why,
            },
        }
    }
}

impl FromDaemon<'_> {
    /// The message, checked and independent of the bytes that it was read from.
    ///
    /// # Errors
    /// What is not allowed in it.
    pub fn own(&self) -> Result<Answer, NotAllowed> {
        Ok(match *self {
            Self::Granted { id, epoch, proof } => Answer::Granted { id, epoch, proof },
            Self::Held {
                id,
                epoch,
                value: bytes,
            } => Answer::Held {
                id,
                epoch,
                value: value(bytes)?,
            },
            Self::Lost { id } => Answer::Lost { id },
            Self::Found {
                id,
                epoch,
                value: bytes,
                address,
            } => Answer::Found {
                id,
                epoch,
                value: value(bytes)?,
                address,
            },
            Self::Absent { id } => Answer::Absent { id },
            Self::Unavailable { id, why } => Answer::Unavailable {
                id,
                why: crate::printable(why),
            },
            Self::Up {
                id,
                key,
                epoch,
                value: bytes,
            } => Answer::Up {
                id,
                key: Key::new(key)?,
                epoch,
                value: value(bytes)?,
            },
            Self::Current { id } => Answer::Current { id },
            Self::Down { id, key } => Answer::Down {
                id,
                key: Key::new(key)?,
            },
            Self::Reset { id } => Answer::Reset { id },
            Self::Order {
                id,
                order,
                key,
                payload,
                within_millis,
            } => Answer::Order {
                id,
                order,
                key: Key::new(key)?,
                payload: value(payload)?,
                within: within(within_millis),
            },
            Self::Refused {
                id,
                refusal,
                again_millis,
                why,
            } => Answer::Refused {
                id,
                refusal: Refusal::from_number(refusal),
                again: again_millis.map(within),
                why: crate::printable(why),
            },
        })
    }
}

fn own_start(start: Start<'_>) -> Result<names::Start, NotAllowed> {
    Ok(names::Start {
        payload: value(start.payload)?,
        within: within(start.within_millis).min(MAX_WITHIN),
        ticket: ticket(start.ticket)?,
    })
}

fn value(bytes: &[u8]) -> Result<Bytes, NotAllowed> {
    match bytes.len() <= MAX_VALUE_BYTES {
        true => Ok(Bytes::copy_from_slice(bytes)),
        false => Err(NotAllowed::Value(bytes.len())),
    }
}

fn ticket(bytes: Option<&[u8]>) -> Result<Option<Bytes>, NotAllowed> {
    match bytes {
        Some(bytes) if bytes.len() > MAX_TICKET_BYTES => Err(NotAllowed::Ticket(bytes.len())),
        bytes => Ok(bytes.map(Bytes::copy_from_slice)),
    }
}

const fn within(millis: u32) -> Duration {
    Duration::from_millis(millis as u64)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Reads one message of a peer.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Said, ReadError> {
    let message: FromPeer<'_> = codec::decode(bytes)?;
    Ok(message.own()?)
}

/// Why bytes are not a message that a peer may send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// They are no message.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The message says what is not allowed.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

//! Why a ticket is refused.

use crate::{CLOCK_SKEW, InvalidClaims, KeyId, MAX_BYTES, Scope, dates};
use std::time::SystemTime;
use thiserror::Error;

/// Why a ticket is refused: the first reason, in the order of these variants.
///
/// Each is a sentence, and never much longer than what it names. Texts of the ticket appear only
/// after its signature was found valid, except for the id of its key.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The text is longer than [`MAX_BYTES`].
    #[error("the ticket has {0} bytes: the longest ones have {MAX_BYTES}")]
    TooLong(usize),
    /// The text is not UTF-8.
    #[error("the ticket is not UTF-8 text")]
    NotUtf8,
    /// The text is not a ticket.
    #[error("not a ticket: {0}")]
    NotATicket(&'static str),
    /// The text begins like a ticket, but does not go on like one, as if it had been cut.
    #[error("the ticket is incomplete: part of its text is missing, so copy it whole")]
    Truncated,
    /// The verifier does not have the key that the ticket names.
    #[error(
        "the ticket's key {0} is not accepted here: it was retired, or is that of another issuer"
    )]
    UnknownKey(KeyId),
    /// The signature is not one of the key that the ticket names.
    #[error("the ticket is forged or damaged: its signature is not valid")]
    Forged,
    /// The content is not that of a ticket, although its signature is valid.
    #[error("the ticket's claims are not valid: {0}")]
    Invalid(InvalidClaims),
    /// The ticket becomes valid later.
    #[error("the ticket is not valid yet: it becomes valid at {}", dates::shown(*.0))]
    NotYetValid(SystemTime),
    /// The ticket was valid earlier.
    #[error("the ticket has expired: it was valid until {}", dates::shown(*.0))]
    Expired(SystemTime),
    /// The ticket is for somebody else.
    #[error("the ticket is for the audience {audience:?}, not for {expected:?}")]
    Audience {
        /// The audience of the ticket.
        audience: String,
        /// The audience of the verifier.
        expected: String,
    },
    /// No scope of the ticket covers what its bearer wants.
    #[error("the ticket does not permit {right:?}, only {}", listed(scopes))]
    Scope {
        /// What the bearer wants.
        right: String,
        /// What the ticket permits.
        scopes: Vec<Scope>,
    },
}

impl Refused {
    /// Checks that `now` is between these times, give or take [`CLOCK_SKEW`].
    pub(crate) fn unless_valid(
        from: Option<SystemTime>,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<(), Self> {
        let ahead = |time: SystemTime| time.duration_since(now).unwrap_or_default();
        if let Some(from) = from.filter(|from| ahead(*from) > CLOCK_SKEW) {
            return Err(Self::NotYetValid(from));
        }
        match now.duration_since(until) {
            Ok(ago) if ago >= CLOCK_SKEW => Err(Self::Expired(until)),
            _ => Ok(()),
        }
    }
}

/// Some of the scopes, for a sentence.
fn listed(scopes: &[Scope]) -> String {
    const SHOWN: usize = 3;
    let shown = scopes.iter().take(SHOWN).map(Scope::as_str);
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if let Some(more) = scopes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text += &format!(" and {more} more");
    }
    text
}

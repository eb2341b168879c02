//! Who a player is, as the ticket of the log-in says. Checked without asking anybody.

use crate::ids::Name;
use metaserve_ticket::{PublicKeys, Refused, Verifier};
use std::time::SystemTime;
use thiserror::Error;

/// The audience of all tickets of a world.
pub const AUDIENCE: &str = "realm";

/// The right that a log-in gives.
pub const LOGIN: &str = "login";

/// The right of an administrator.
pub const ADMIN: &str = "admin";

/// The right of zone hosts, gateways and schedulers to ask the accounts role for everything.
pub const SERVICE: &str = "service";

/// Who bears a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The account.
    pub account: Name,
    /// Whether it is an administrator's.
    pub admin: bool,
    /// When the ticket expires.
    pub expires: SystemTime,
}

/// Why a ticket does not let its bearer in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotLetIn {
    /// It is not valid, or does not permit it.
    #[error("log in again: {0}")]
    Ticket(#[from] Refused),
    /// Its subject is not an account's name.
    #[error("log in again: the ticket is not an account's")]
    Subject,
}

/// Checks tickets against the keys of the accounts role.
#[derive(Clone, Debug)]
pub struct Tickets(std::sync::Arc<Verifier>);

impl Tickets {
    /// With these keys.
    #[must_use]
    pub fn new(keys: PublicKeys) -> Self {
        Self(Verifier::new(AUDIENCE, keys).into())
    }

    /// The account that has logged in with this ticket.
    ///
    /// # Errors
    /// It is no valid ticket of a log-in.
    pub fn bearer(&self, ticket: &str, now: SystemTime) -> Result<Bearer, NotLetIn> {
        let claims = self.0.verify(ticket, now)?;
        claims.permit(LOGIN)?;
        Ok(Bearer {
            account: claims.subject.parse().map_err(|_| NotLetIn::Subject)?,
            admin: claims.permit(ADMIN).is_ok(),
            expires: claims.expires,
        })
    }

    /// Whether this is the ticket of a role of the world.
    ///
    /// # Errors
    /// It is not.
    pub fn service(&self, ticket: &str, now: SystemTime) -> Result<(), NotLetIn> {
        Ok(self.0.verify(ticket, now)?.permit(SERVICE)?)
    }
}

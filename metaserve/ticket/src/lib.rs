//! Signed tickets: a statement that its bearer may claim a name, have it started, or log in, which
//! anybody with the public key can check without asking the issuer.
//!
//! A service that knows its players, such as a login server, holds a [`SecretKey`] and issues
//! tickets with an [`Issuer`]. A daemon or a game server holds the [`PublicKeys`] and checks tickets
//! with a [`Verifier`]:
//!
//! ```
//! use metaserve_ticket::{Claims, Issuer, PublicKeys, Refused, SecretKey, Verifier};
//! use std::time::{Duration, SystemTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = SystemTime::now();
//! let hour = Duration::from_secs(3_600);
//!
//! // The login server.
//! let secret = SecretKey::generate(); // kept in a file: SecretKey::create
//! let public = secret.public();
//! let scopes = vec!["claim:zone/*".parse()?, "login".parse()?];
//! let claims = Claims::new("alice", "my-game", scopes, now, hour);
//! let ticket = Issuer::new(secret).issue(&claims)?;
//!
//! // The daemon.
//! let verifier = Verifier::new("my-game", PublicKeys::from_iter([public]));
//! let bearer = verifier.verify(&ticket, now)?;
//! assert_eq!(bearer.subject, "alice");
//! bearer.permit("claim:zone/meadow")?;
//! assert!(matches!(bearer.permit("claim:room/1"), Err(Refused::Scope { .. })));
//!
//! let late = verifier.verify(&ticket, now + 2 * hour);
//! assert!(matches!(late, Err(Refused::Expired { .. })));
//! # Ok(())
//! # }
//! ```
//!
//! * A ticket is a [PASETO](https://github.com/paseto-standard/paseto-spec) of version 4 and purpose
//!   public: JSON with an Ed25519 signature. Its header allows one algorithm only.
//! * [`Claims`] are what it says: subject, audience, scopes, and when it is valid. A [`Scope`] is a
//!   right, such as `login`, or all rights with a prefix, such as `claim:zone/*`.
//! * [`Refused`] is why a ticket is refused, one reason at a time, as a sentence.
//! * Keys are text in the format PASERK, `k4.secret.…` and `k4.public.…`; a [`KeyId`], `k4.pid.…`,
//!   names a key in tickets. A verifier accepts several keys, so that they can be replaced one by
//!   one.
//! * Nothing here reads the clock: `now` is an argument. The clocks of issuer and verifier may
//!   differ by [`CLOCK_SKEW`].
//!
//! The page [Tickets](https://github.com/metaserve/metaserve/blob/main/docs/reference/tickets.md)
//! describes the format for other languages.
#![forbid(unsafe_code)]

/// The example in the README is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod claims;
mod dates;
mod issuer;
mod keys;
mod refused;
mod scope;
mod verifier;

pub use claims::{Claims, InvalidClaims};
pub use issuer::Issuer;
pub use keys::{InvalidKey, KeyError, KeyId, PublicKey, PublicKeys, SecretKey};
pub use refused::Refused;
pub use scope::{InvalidScope, Scope};
pub use verifier::{Verifier, read_unverified};

use std::time::Duration;

/// The length of the longest ticket: 4 KiB.
pub const MAX_BYTES: usize = 4_096;

/// How much the clocks of issuer and verifier may differ: a ticket is accepted for 60 s before and
/// after the time that it names.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Makes `{:?}` of an error its sentence: a `main` that returns the error prints it so.
macro_rules! debug_as_sentence {
    ($($error:ty),+) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

debug_as_sentence!(InvalidClaims, InvalidKey, InvalidScope, KeyError, Refused);

//! The bearer secret of an announcer.

use super::{Outcome, Refusal};
use http::{HeaderMap, header::AUTHORIZATION};
use std::{fmt, ops::RangeInclusive};

/// The secret of whoever announces a server: with it, and with nothing else, the entry is kept,
/// changed and removed. Its `Debug` hides it, so that it never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// How long a secret is, in characters of `A-Z a-z 0-9 _ -`.
const LENGTHS: RangeInclusive<usize> = 32..=128;

impl Secret {
    /// Reads `Authorization: Bearer SECRET`.
    ///
    /// # Errors
    /// When there is no such header or more than one, or when the secret is too short, too long or
    /// has other characters. The refusal does not repeat it.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let no = |reason: &str| Refusal::new(Outcome::NoSecret, reason);
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let given = match (given.next(), given.next()) {
            (None, _) => {
                return Err(no(
                    "the request has no secret: send the header `Authorization: Bearer SECRET`; \
                     make a secret with `openssl rand -hex 32`",
                ));
            }
            (Some(_), Some(_)) => return Err(no("send one Authorization header, not several")),
            (Some(given), None) => given,
        };
        let bearer = given.to_str().ok().and_then(|text| text.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, secret)) = bearer else {
            return Err(no("send `Authorization: Bearer SECRET`"));
        };
        let secret = secret.trim_matches(' ');
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        match LENGTHS.contains(&secret.len()) && secret.bytes().all(fits) {
            true => Ok(Self(secret.to_owned())),
            false => Err(no(
                "a secret has 32 to 128 characters of A-Z a-z 0-9 _ -: make one with \
                 `openssl rand -hex 32`",
            )),
        }
    }

    /// The secret itself, to derive identities from. Do not log it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

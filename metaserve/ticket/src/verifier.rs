//! Checks tickets.

use crate::{Claims, InvalidClaims, KeyId, MAX_BYTES, PublicKey, PublicKeys, Refused};
use pasetors::{
    errors::Error,
    token::{Public, UntrustedToken},
    version4::{PublicToken, V4},
};
use serde::Deserialize;
use std::{collections::HashMap, time::SystemTime};

/// Checks tickets for one audience, issued with any of several keys.
///
/// A verifier does not change: make a new one when the keys change.
#[derive(Clone, Debug)]
pub struct Verifier {
    audience: String,
    keys: HashMap<KeyId, PublicKey>,
}

impl Verifier {
    /// A verifier that accepts tickets for this audience, signed with one of these keys.
    #[must_use]
    pub fn new(audience: impl Into<String>, keys: PublicKeys) -> Self {
        let keys = keys.iter().map(|key| (key.id(), key.clone()));
        Self {
            audience: audience.into(),
            keys: keys.collect(),
        }
    }

    /// Checks everything but the scopes, which [`Claims::permit`] checks: one ticket may be used
    /// for several things. Costs one Ed25519 verification, after cheaper checks.
    ///
    /// # Errors
    /// The first reason why the ticket is refused.
    pub fn verify(&self, ticket: impl AsRef<[u8]>, now: SystemTime) -> Result<Claims, Refused> {
        let (token, id) = take_apart(ticket.as_ref())?;
        let Some(key) = self.keys.get(&id) else {
            return Err(Refused::UnknownKey(id));
        };
        PublicToken::verify(&key.0, &token, None, None).map_err(|error| match error {
            // Comes after the signature was found valid.
            Error::PayloadInvalidUtf8 => Refused::Invalid(InvalidClaims::Json("not UTF-8".into())),
            _ => Refused::Forged,
        })?;
        let claims = Claims::from_json(token.untrusted_payload()).map_err(Refused::Invalid)?;
        Refused::unless_valid(claims.not_before, claims.expires, now)?;
        if claims.audience != self.audience {
            return Err(Refused::Audience {
                audience: claims.audience,
                expected: self.audience.clone(),
            });
        }
        Ok(claims)
    }

    /// Checks everything: [`verify`](Self::verify), and that the ticket permits this right, such as
    /// `login` or `claim:zone/meadow`.
    ///
    /// # Errors
    /// The first reason why the ticket is refused.
    pub fn check(
        &self,
        ticket: impl AsRef<[u8]>,
        right: &str,
        now: SystemTime,
    ) -> Result<Claims, Refused> {
        let claims = self.verify(ticket, now)?;
        claims.permit(right)?;
        Ok(claims)
    }
}

/// Reads what a text says that looks like a ticket, and which key it names, without checking the
/// signature or the time: for people who look into a ticket. Anybody can write such a text.
///
/// # Errors
/// When the text does not have the form of a ticket.
pub fn read_unverified(ticket: impl AsRef<[u8]>) -> Result<(Claims, KeyId), Refused> {
    let (token, id) = take_apart(ticket.as_ref())?;
    let claims = Claims::from_json(token.untrusted_payload()).map_err(Refused::Invalid)?;
    Ok((claims, id))
}

/// The parts of a ticket, and the key that it names.
fn take_apart(ticket: &[u8]) -> Result<(UntrustedToken<Public, V4>, KeyId), Refused> {
    if ticket.len() > MAX_BYTES {
        return Err(Refused::TooLong(ticket.len()));
    }
    let text = str::from_utf8(ticket).map_err(|_| Refused::NotUtf8)?;
    if text.is_empty() {
        return Err(Refused::NotATicket("there is no text"));
    }
    let Some(parts) = text.strip_prefix(PublicToken::HEADER) else {
        let begins = PublicToken::HEADER.starts_with(text);
        let other = Refused::NotATicket("its text does not begin with v4.public.");
        return Err(if begins { Refused::Truncated } else { other });
    };
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !parts.chars().all(known) || parts.matches('.').count() > 1 {
        return Err(Refused::NotATicket(
            "its text contains a character that no ticket has there",
        ));
    }
    let token = UntrustedToken::try_from(text).map_err(|_| Refused::Truncated)?;
    let id = named_key(token.untrusted_footer())?;
    Ok((token, id))
}

/// The key that a footer names.
fn named_key(footer: &[u8]) -> Result<KeyId, Refused> {
    #[derive(Deserialize)]
    struct Footer {
        kid: String,
    }
    const OTHER: Refused = Refused::NotATicket("its footer does not name a key");
    // serde would read a list as well. An empty footer is one that was cut.
    if footer.first().is_some_and(|first| *first != b'{') {
        return Err(OTHER);
    }
    match serde_json::from_slice::<Footer>(footer) {
        Ok(footer) => footer.kid.parse().map_err(|_| OTHER),
        Err(error) if error.is_eof() => Err(Refused::Truncated),
        Err(_) => Err(OTHER),
    }
}

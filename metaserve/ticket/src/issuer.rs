//! Issues tickets.

use crate::{Claims, InvalidClaims, MAX_BYTES, PublicKey, SecretKey};
use pasetors::version4::PublicToken;

/// Issues tickets with one key.
#[derive(Clone, Debug)]
pub struct Issuer {
    secret: SecretKey,
    footer: String,
}

impl Issuer {
    /// An issuer that signs with this key.
    #[must_use]
    pub fn new(secret: SecretKey) -> Self {
        let footer = format!(r#"{{"kid":"{}"}}"#, secret.public().id());
        Self { secret, footer }
    }

    /// The key that checks the tickets of this issuer.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.secret.public()
    }

    /// Issues a ticket that says this. The same claims give the same ticket.
    ///
    /// # Errors
    /// When a claim is beyond its bounds, the ticket would never be valid, or it would be longer
    /// than [`MAX_BYTES`].
    ///
    /// # Panics
    /// Never: a key that exists can sign.
    pub fn issue(&self, claims: &Claims) -> Result<String, InvalidClaims> {
        let json = claims.to_json()?;
        let footer = Some(self.footer.as_bytes());
        let ticket = PublicToken::sign(&self.secret.0, &json, footer, None);
        let ticket = ticket.expect("a key that exists can sign");
        match ticket.len() {
            ..=MAX_BYTES => Ok(ticket),
            bytes => Err(InvalidClaims::TooLong(bytes)),
        }
    }
}

//! The fingerprint of a certificate.

use crate::sentence::debug_as_sentence;
use std::{fmt, str::FromStr};

/// The SHA-256 hash of a certificate in DER, as `openssl x509 -fingerprint -sha256` prints it.
///
/// Written as 64 lower-case hexadecimal digits. Parsed in either case, with or without colons
/// between the bytes.
///
/// ```
/// use metaserve::Fingerprint;
///
/// let openssl = ["AB"; 32].join(":"); // as openssl prints it
/// let fingerprint: Fingerprint = openssl.parse()?;
/// assert_eq!(fingerprint.to_string(), "ab".repeat(32));
/// # Ok::<(), metaserve::tls::InvalidFingerprint>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// The text is not a [`Fingerprint`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint is 64 hexadecimal digits (the SHA-256 of a certificate), with or without \
     colons; this has {digits} digits{}",
    if *.strange { " and other characters" } else { "" }
)]
pub struct InvalidFingerprint {
    digits: usize,
    strange: bool,
}

debug_as_sentence!(InvalidFingerprint);

impl Fingerprint {
    /// The fingerprint of a certificate.
    #[must_use]
    pub fn of(certificate: &rustls::pki_types::CertificateDer<'_>) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The fingerprint of the certificate that the peer of a connection has presented, if any. The
    /// handshake has proved that the peer holds its key.
    #[must_use]
    pub fn of_peer(connection: &quinn::Connection) -> Option<Self> {
        type Chain = Vec<rustls::pki_types::CertificateDer<'static>>;
        let identity = connection.peer_identity()?;
        identity.downcast_ref::<Chain>()?.first().map(Self::of)
    }

    /// The fingerprint with these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: Vec<u8> = text
            .chars()
            .filter_map(|c| Some(c.to_digit(16)? as u8))
            .collect();
        let strange = text.chars().any(|c| c != ':' && !c.is_ascii_hexdigit());
        if strange || digits.len() != 64 {
            return Err(InvalidFingerprint {
                digits: digits.len(),
                strange,
            });
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_form_that_openssl_prints_is_parsed() {
        let plain = "00ff".repeat(16);
        let openssl = vec!["00:FF"; 16].join(":");
        assert_eq!(openssl.parse::<Fingerprint>(), plain.parse());
        assert_eq!(plain.parse::<Fingerprint>().unwrap().to_string(), plain);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let short = "abc".parse::<Fingerprint>().unwrap_err().to_string();
        assert!(short.ends_with("this has 3 digits"), "{short}");
        let strange = "z".parse::<Fingerprint>().unwrap_err().to_string();
        assert!(strange.ends_with("and other characters"), "{strange}");
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = text.parse::<Fingerprint>();
        }
    }
}

//! Certificates, fingerprints, and which peers to trust.
//!
//! All connections use TLS 1.3 inside QUIC, with rustls and its *ring* provider.

#[macro_use]
mod signatures;

mod files;
mod fingerprint;
mod identity;
mod trust;

#[cfg(feature = "server")]
pub mod certificate;
#[cfg(feature = "server")]
pub mod connection_ids;
#[cfg(feature = "server")]
mod pair;
#[cfg(feature = "server")]
pub mod secret;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
mod validity;

pub use files::{FileError, FileProblem};
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use identity::Identity;
#[cfg(feature = "server")]
pub use pair::{CertificateError, CertificateFiles};
pub(crate) use trust::{Distrust, distrust};
pub use trust::{Trust, TrustError, client_config};

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// rustls' *ring* provider, with the ciphers sorted by cost: where both ends have AES in hardware,
/// ChaCha20 costs 1.4 times as much for the traffic of a list.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    use rustls::crypto::ring::{cipher_suite as suite, default_provider};
    let cipher_suites = vec![
        suite::TLS13_AES_128_GCM_SHA256,
        suite::TLS13_AES_256_GCM_SHA384,
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    Arc::new(CryptoProvider {
        cipher_suites,
        ..default_provider()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CipherSuite;

    #[test]
    fn the_cheapest_cipher_is_the_first_choice_and_all_are_of_tls_1_3() {
        let provider = provider();
        let suites = provider.cipher_suites.iter();
        assert_eq!(
            suites.map(|it| it.suite()).collect::<Vec<_>>(),
            [
                CipherSuite::TLS13_AES_128_GCM_SHA256,
                CipherSuite::TLS13_AES_256_GCM_SHA384,
                CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            ]
        );
    }
}

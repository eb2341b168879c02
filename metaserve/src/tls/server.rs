//! The daemon's side of the TLS handshake.

use super::{Identity, provider, secret::Secret};
use crate::Role;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::{
    DistinguishedName,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::SingleCertAndKey,
};
use std::sync::Arc;

/// The quinn configuration of a daemon: its certificate, the [roles](Role) of peers that it takes
/// (others fail the handshake with alert 120), client certificates requested but not required, `secret` for peers that reconnect, and `transport`, which should
/// come from [`transport::server`](crate::transport::server).
///
/// # Errors
/// When chain and key of the identity do not belong together.
pub fn server_config(
    identity: &Identity,
    secret: &Arc<Secret>,
    transport: quinn::TransportConfig,
    roles: &[Role],
) -> Result<quinn::ServerConfig, rustls::Error> {
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 ciphers")
        .with_client_cert_verifier(Arc::new(AnyIdentity))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key()?)));
    tls.alpn_protocols = roles.iter().map(|role| role.alpn().to_vec()).collect();
    tls.ignore_client_order = true;
    tls.ticketer = secret.clone();
    // One ticket is enough for a peer with one connection. 0-RTT stays off: it can be replayed,
    // and the first message of a peer changes the list.
    tls.send_tls13_tickets = 1;
    tls.max_early_data_size = 0;
    let tls = QuicServerConfig::try_from(tls).expect("the provider has QUIC's initial cipher");
    let mut config = quinn::ServerConfig::new(Arc::new(tls), secret.address_validation());
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// The TLS configuration of an HTTPS server: the identity's certificate, HTTP/1.1, and all TLS
/// versions and ciphers that rustls was built with, for clients other than current browsers.
///
/// # Errors
/// When chain and key of the identity do not belong together.
pub fn https_config(identity: &Identity) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for the default versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key()?)));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// The names for a server's own certificate, for peers that use it as a CA file: this machine's
/// host name, if it is known, and loopback.
#[must_use]
pub fn own_names() -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let names = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .chain((!host.is_empty()).then_some(host));
    names.map(str::to_owned).collect()
}

/// Accepts any certificate whose key the peer proves to hold. A certificate serves only as a name
/// here, and grants no rights.
#[derive(Debug)]
struct AnyIdentity;

impl ClientCertVerifier for AnyIdentity {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    verify_signatures!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_own_certificate_names_loopback_and_the_machine() {
        let names = own_names();
        assert_eq!(names[..3], ["localhost", "127.0.0.1", "::1"]);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = (!host.trim().is_empty()).then(|| host.trim().to_owned());
        assert_eq!(names.get(3), host.as_ref());
    }
}

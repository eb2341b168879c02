//! One server at two members at the same time, and one that pretends to be another.

use crate::members::Member;
use metaserve::{Fingerprint, Role};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, Nats, constant, patiently, words};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{net::SocketAddr, path::Path, sync::Arc};

/// Row 15.
#[tokio::test]
async fn one_family_at_each_of_two_members_is_one_row_with_both() {
    let nats = Nats::one().await;
    let hold = ["--cluster-hold", "2s"];
    let a = Member::joined(&nats, "a", &hold).await;
    let b = Member::joined(&nats, "b", &hold).await;
    let c = Member::joined(&nats, "c", &hold).await;
    let identity = crate::returns::identity();
    let four = a.daemon.connect(Role::Heartbeat, Some(&identity)).await;
    let six = b.daemon.connect_v6(Role::Heartbeat, Some(&identity)).await;
    for connection in [four, six] {
        let publisher = Publisher::new(connection).port(7777);
        tokio::spawn(publisher.run(constant("both")));
    }
    let addresses: [SocketAddr; 2] = ["127.0.0.1:7777", "[::1]:7777"].map(|it| it.parse().unwrap());
    let mut lists = Vec::new();
    for member in [&b, &c] {
        let mut list = Follower::new(&member.daemon, None).await;
        list.until("both addresses in one row", |list| {
            let mut servers = list.servers();
            servers.next().is_some_and(|it| it.addresses == addresses) && servers.next().is_none()
        })
        .await;
        lists.push(list);
    }
    let one = c.watch(|list| words(list) == ["both"]).await;
    drop(a.daemon.kill().await);
    for list in &mut lists {
        list.until("the address of the other member", |list| {
            let mut servers = list.servers();
            servers
                .next()
                .is_some_and(|it| it.addresses == addresses[1..])
        })
        .await;
        assert_eq!(list.only().identity, Some(identity.fingerprint()));
    }
    one.saw_only_right_lists().await;
}

/// Row 16: the certificate of a server is public, since it is shown to every daemon; the key is not.
#[tokio::test]
async fn a_certificate_without_its_key_takes_over_nothing_at_any_member() {
    let nats = Nats::one().await;
    let [a, b] = Member::all(&nats, ["a", "b"]).await;
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [owner, thief] = directories.each_ref().map(|it| it.path());
    let identity = metaserve::Identity::load_or_create(owner, &[]).unwrap();
    metaserve::Identity::load_or_create(thief, &[]).unwrap();
    let connection = a.daemon.connect(Role::Heartbeat, Some(&identity)).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("owner")));
    let mut list = Follower::new(&b.daemon, None).await;
    list.until_words(&["owner"]).await;
    let watch = b.watch(|list| words(list) == ["owner"]).await;

    let connection = connect_with(&b.daemon, owner, thief).await;
    let server = async {
        let connection = connection?;
        Ok(metaserve_heartbeat::run(connection, constant("thief")).await)
    };
    let refused = patiently("the refusal", server).await;
    let refused = match refused {
        Err::<_, quinn::ConnectionError>(refused) => refused.to_string(),
        Ok(ended) => ended.unwrap_err().to_string(),
    };
    assert!(refused.contains("BadSignature"), "{refused}");
    assert_eq!(list.only().identity, Some(identity.fingerprint()));
    // A member that was refused something is in order.
    let another = b.daemon.connect(Role::Heartbeat, None).await;
    watch.saw_only_right_lists().await;
    tokio::spawn(metaserve_heartbeat::run(another, constant("another")));
    list.until_words(&["another", "owner"]).await;
}

/// Connects with the certificate of one directory and the key of another.
async fn connect_with(
    daemon: &Daemon,
    certificate: &Path,
    key: &Path,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let certificate = CertificateDer::from_pem_file(certificate.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(key.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = provider.key_provider.load_private_key(key).unwrap();
    let stolen = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let mut tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Only(daemon.fingerprint, provider)))
        .with_client_cert_resolver(Arc::new(stolen));
    tls.alpn_protocols = vec![Role::Heartbeat.alpn().to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let endpoint = metaserve::client_endpoint().unwrap();
    let connecting = endpoint.connect_with(config, daemon.address, "localhost");
    connecting.unwrap().await
}

/// Trusts the daemon.
#[derive(Debug)]
struct Only(Fingerprint, Arc<CryptoProvider>);

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(Fingerprint::of(certificate), self.0);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("QUIC has TLS 1.3")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.1.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

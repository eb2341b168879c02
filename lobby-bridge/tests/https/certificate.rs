//! Tests of TLS and the certificate.

use std::{net::SocketAddr, sync::Arc};

use metaserve::{Identity, tls::certificate::Certificate};
use metaserve_lobby_bridge::{
    accounts::{self, Accounts, default_database},
    aleph_one::https::{HOST, Service, Settings},
    bans::Guard,
};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, crypto::ring, pki_types::ServerName, version},
};

use crate::service::Running;

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_tls_1_2_and_1_3_are_served() {
    let it = Running::new(|_| {}).await;
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let builder = ClientConfig::builder_with_protocol_versions(versions);
        let request = b"GET /metaclient/settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        assert_eq!(it.asks_in(request, builder).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_to_new_connections() {
    let files = tempfile::tempdir().unwrap();
    let [chain, key] = ["cert.pem", "key.pem"].map(|it| files.path().join(it));
    let old = Identity::load_or_create(files.path(), &["localhost".into()]).unwrap();
    let it =
        Running::new(|settings| settings.certificate = Some((chain.clone(), key.clone()))).await;
    assert_eq!(shown(it.at).await, old.certificate().as_ref());
    let other = tempfile::tempdir().unwrap();
    let new = Identity::load_or_create(other.path(), &["localhost".into()]).unwrap();
    std::fs::copy(other.path().join("key.pem"), &key).unwrap();
    std::fs::copy(other.path().join("cert.pem"), &chain).unwrap();
    while shown(it.at).await != new.certificate().as_ref() {
        tokio::task::yield_now().await;
    }
}

/// Returns the certificate that the service shows now.
async fn shown(at: SocketAddr) -> Vec<u8> {
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        pki_types::{CertificateDer, UnixTime},
    };
    #[derive(Debug)]
    struct Anyone;
    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            let provider = ring::default_provider();
            provider
                .signature_verification_algorithms
                .supported_schemes()
        }
    }
    let client = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(at).await.expect("it listens");
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await;
    let stream = stream.expect("a handshake");
    let (_, tls) = stream.get_ref();
    tls.peer_certificates().expect("a certificate")[0].to_vec()
}

/// Aleph One checks the host name, whatever its players have switched off.
#[tokio::test]
async fn the_services_own_certificate_covers_the_built_in_host_names() {
    let directory = tempfile::tempdir().unwrap();
    // A certificate from before host names were checked.
    let state = directory.path().join("https");
    let old = Identity::load_or_create(&state, &["localhost".to_owned()]).unwrap();
    let bind = async |hosts: &[&str]| {
        let url = default_database(directory.path());
        let accounts = Accounts::open(&url, accounts::Settings::default());
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            bans: Guard::none(),
            certificate: None,
            state_dir: directory.path().to_owned(),
            hosts: hosts.iter().map(|host| host.to_string()).collect(),
            sign_up: false,
            limits: Default::default(),
        };
        let service = Service::bind(settings, accounts.await.unwrap()).unwrap();
        service.fingerprint()
    };
    let names = || {
        Certificate::read(&state.join("cert.pem"))
            .unwrap()
            .remove(0)
            .names
    };
    let new = bind(&[HOST]).await;
    assert_ne!(new, old.fingerprint());
    assert!(names().contains(&HOST.to_owned()), "{:?}", names());
    assert_eq!(bind(&[HOST]).await, new, "the certificate is kept");
    let rebuilt = bind(&[HOST, "games.example.org"]).await;
    assert_ne!(rebuilt, new);
    for name in [HOST, "games.example.org", "localhost"] {
        assert!(names().contains(&name.to_owned()), "{:?}", names());
    }
    assert_eq!(
        bind(&[HOST]).await,
        rebuilt,
        "it covers more than is needed"
    );
}

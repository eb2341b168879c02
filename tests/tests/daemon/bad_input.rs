//! A protocol violation ends the connection that committed it, with a reason, and affects nothing
//! else.

use crate::{DAEMON, FAST};
use metaserve::{
    Close, CloseCode, Identity, Role,
    protocol::{
        client::{Compression, Subscribe},
        heartbeat::{FromServer, Hello},
    },
    stream,
};
use metaserve_tests::{Daemon, Follower, constant, patiently, raw_peer, say};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::sync::Arc;

fn hello() -> FromServer<'static> {
    FromServer::Hello(Hello {
        game: "game",
        port: None,
    })
}

fn frames(messages: &[FromServer<'_>]) -> Vec<u8> {
    messages
        .iter()
        .flat_map(|message| stream::frame(message).to_vec())
        .collect()
}

/// A daemon with an honest server and client, which must not be affected.
struct Witnessed {
    daemon: Daemon,
    client: Follower,
}

impl Witnessed {
    async fn start() -> Self {
        let daemon = Daemon::start(DAEMON, &FAST).await;
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant("honest")));
        let mut client = Follower::new(&daemon, None).await;
        client.until_words(&["honest"]).await;
        Self { daemon, client }
    }

    /// Sends `bytes` in a role. Returns the daemon's close, once the log has a line about it.
    async fn closed(&mut self, role: Role, bytes: &[u8]) -> Close {
        let connection = self.daemon.connect(role, None).await;
        let close = raw_peer(&connection, bytes).await;
        let line = self.daemon.logged("closed: ").await;
        assert!(
            line.contains(close.code.name()) && line.contains("peer=127.0.0.1"),
            "{line}"
        );
        assert!(line.contains(&format!("role={role}")), "{line}");
        close
    }

    async fn others_are_unaffected(mut self) {
        assert_eq!(metaserve_tests::words(&self.client.snapshot), ["honest"]);
        let connection = self.daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant("another")));
        let id = self.client.only().id;
        self.client
            .until("another server", |list| list.len() == 2)
            .await;
        assert!(self.client.snapshot.get(id).is_some());
    }
}

#[tokio::test]
async fn an_oversize_heartbeat_is_refused_with_the_limit() {
    let mut witnessed = Witnessed::start().await;
    // In a frame of allowed length, and in one that is too long.
    for length in [8193, 8193 + 1024, 8193 + 1034, 100_000] {
        let heartbeat = vec![b'x'; length];
        let bytes = frames(&[hello(), FromServer::Heartbeat(&heartbeat)]);
        let close = witnessed.closed(Role::Heartbeat, &bytes).await;
        assert_eq!(close.code, CloseCode::OversizeHeartbeat);
        assert!(close.reason.contains("at most 8192 bytes"), "{close}");
    }
    witnessed.others_are_unaffected().await;
}

/// An operator saw such a tag reverse the rest of the line on the terminal.
#[tokio::test]
async fn a_tag_that_is_not_all_visible_is_refused_and_shown_escaped() {
    let mut witnessed = Witnessed::start().await;
    for tag in [
        "a\u{202e}b",
        "\u{2028}",
        "\u{200b}",
        "\u{feff}x",
        "a\u{3000}b",
    ] {
        let hello = FromServer::Hello(Hello {
            game: tag,
            port: None,
        });
        let bytes = frames(&[hello, FromServer::Heartbeat(b"x")]);
        let subscribe = Subscribe {
            game: Some(tag),
            known: None,
            compression: Compression::None,
        };
        let messages = [
            (Role::Heartbeat, bytes),
            (Role::Client, stream::frame(subscribe).to_vec()),
        ];
        for (role, bytes) in messages {
            let close = witnessed.closed(role, &bytes).await;
            assert_eq!(close.code, CloseCode::ProtocolViolation);
            assert!(close.reason.contains("is not a game tag"), "{close}");
            assert!(close.reason.is_ascii(), "{close}");
        }
    }
    witnessed.others_are_unaffected().await;
}

#[tokio::test]
async fn the_longest_heartbeat_is_accepted() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let longest = vec![b'x'; 8192];
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(
        connection,
        constant(longest.clone()),
    ));
    let words = String::from_utf8(longest).unwrap();
    Follower::new(&daemon, None)
        .await
        .until_words(&[&words])
        .await;
}

#[tokio::test]
async fn a_server_that_sends_too_many_heartbeats_is_warned_and_then_closed() {
    let mut daemon = Daemon::start(DAEMON, &["--tick", "20ms"]).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let mut messages = vec![hello()];
    let words: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    let heartbeats = words.iter();
    messages.extend(heartbeats.map(|words| FromServer::Heartbeat(words.as_bytes())));
    let close = raw_peer(&connection, &frames(&messages)).await;
    daemon
        .logged("notice: heartbeats come much faster than one per 1s")
        .await;
    assert_eq!(close.code, CloseCode::RateLimited);
    assert!(close.reason.contains("send fewer"), "{close}");
}

#[tokio::test]
async fn garbage_on_any_alpn_is_a_protocol_violation() {
    let mut witnessed = Witnessed::start().await;
    let nonsense = [5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff];
    for role in [Role::Heartbeat, Role::Client] {
        for bytes in [
            &nonsense[..],
            &[0xff; 100],
            b"GET / HTTP/1.1\r\n\r\n",
            &[0, 0, 0, 0],
        ] {
            let close = witnessed.closed(role, bytes).await;
            assert_eq!(close.code, CloseCode::ProtocolViolation, "{role} {bytes:?}");
        }
    }
    // A relay is refused before it can send anything.
    let close = witnessed.closed(Role::Relay, &nonsense).await;
    assert_eq!(close.code, CloseCode::UnauthorisedRelay);
    witnessed.others_are_unaffected().await;
}

#[tokio::test]
async fn heartbeats_without_a_hello_and_impossible_hellos_are_refused() {
    let mut witnessed = Witnessed::start().await;
    let long = "x".repeat(65);
    let table = [
        (FromServer::Heartbeat(b"hello?"), "hello"),
        (
            FromServer::Hello(Hello {
                game: "",
                port: None,
            }),
            "game tag",
        ),
        (
            FromServer::Hello(Hello {
                game: &long,
                port: None,
            }),
            "game tag",
        ),
        (
            FromServer::Hello(Hello {
                game: "game",
                port: Some(0),
            }),
            "port 0",
        ),
    ];
    for (message, expected) in table {
        let close = witnessed.closed(Role::Heartbeat, &frames(&[message])).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation);
        assert!(close.reason.contains(expected), "{close}");
    }
    let twice = witnessed
        .closed(Role::Heartbeat, &frames(&[hello(), hello()]))
        .await;
    assert!(twice.reason.contains("a second hello"), "{twice}");
    witnessed.others_are_unaffected().await;
}

#[tokio::test]
async fn a_truncated_frame_is_not_a_heartbeat() {
    let mut witnessed = Witnessed::start().await;
    let connection = witnessed.daemon.connect(Role::Heartbeat, None).await;
    let whole = frames(&[hello(), FromServer::Heartbeat(b"whole")]);
    let mut stream = say(&connection, &whole[..whole.len() - 2]).await;
    stream.finish().unwrap();
    let error = patiently("the daemon's answer", connection.closed()).await;
    assert_eq!(
        Close::from_peer(&error).unwrap().code,
        CloseCode::ProtocolViolation
    );
    witnessed.daemon.logged("middle of a frame").await;
    let client = witnessed.daemon.connect(Role::Client, None).await;
    let mut stream = say(&client, &[9, 0, 0, 0, 1, 5, b'c']).await;
    stream.finish().unwrap();
    let error = patiently("the daemon's answer", client.closed()).await;
    assert_eq!(
        Close::from_peer(&error).unwrap().code,
        CloseCode::ProtocolViolation
    );
    witnessed.others_are_unaffected().await;
}

#[tokio::test]
async fn a_trusted_relay_must_follow_the_protocol_as_well() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let fingerprint = relay.fingerprint().to_string();
    let trust = ["--trust-relay", &fingerprint];
    let daemon = Daemon::start(DAEMON, &[&FAST[..], &trust].concat()).await;
    let garbage = [5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff];
    let oversize = [0, 0, 1, 0];
    for bytes in [&garbage[..], &oversize] {
        let connection = daemon.connect(Role::Relay, Some(&relay)).await;
        let close = raw_peer(&connection, bytes).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation, "{close}");
    }
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut stream = say(&connection, &garbage[..6]).await;
    stream.finish().unwrap();
    let error = patiently("the daemon's answer", connection.closed()).await;
    assert_eq!(
        Close::from_peer(&error).unwrap().code,
        CloseCode::ProtocolViolation
    );
}

#[tokio::test]
async fn an_unknown_alpn_fails_the_handshake_with_a_reason() {
    let mut witnessed = Witnessed::start().await;
    let connector = witnessed.daemon.connector(Role::Client, None);
    let mut tls = trusting(&witnessed.daemon);
    tls.alpn_protocols = vec![b"metaserve-client/2".to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let address = witnessed.daemon.address;
    let connecting = connector
        .endpoint()
        .connect_with(config, address, "localhost")
        .unwrap();
    let error = patiently("a refusal", connecting).await.unwrap_err();
    assert!(error.to_string().contains("any known protocol"), "{error}");
    witnessed.daemon.logged("handshake failed").await;
    witnessed.others_are_unaffected().await;
}

/// TLS settings that trust the daemon's own certificate.
pub(crate) fn trusting(daemon: &Daemon) -> rustls::ClientConfig {
    let file = daemon.state_dir().join("cert.pem");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

//! A peer that abuses the daemon is bounded, counted and told the reason, and no other peer is
//! affected.
//!
//! Elsewhere: heartbeats that are too large or too many, and every malformed message, in
//! `bad_input.rs`; each limit's count in `limits.rs`, that of games among them; untrusted relays in
//! `relay.rs`; slow readers in `slow_reader.rs`; forged addresses in `forged_addresses.rs`; forged
//! connection ids in `foreign_ids.rs`; bombs for the decompressor in
//! `metaserve/src/protocol/tests.rs`; HTTP in `bad_http.rs`.

use crate::{
    DAEMON,
    bad_input::trusting,
    metrics::{scrape, value_of},
    with_http,
};
use futures::FutureExt;
use metaserve::{
    CloseCode, Identity, Role,
    protocol::{
        client::{Compression, Subscribe},
        heartbeat::{FromServer, Hello},
    },
    stream::frame,
    tls::client_config,
    transport,
};
use metaserve_tests::{
    Daemon, Flood, Follower, RawClient, closed, constant, flood, patiently, raw_peer, say, words,
};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{net::SocketAddr, sync::Arc};

/// A daemon with an honest server and client.
struct Attacked {
    daemon: Daemon,
    http: SocketAddr,
    client: Follower,
}

impl Attacked {
    async fn start(further: &[&str]) -> Self {
        let (daemon, http) = with_http(further).await;
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant("honest")));
        let mut client = Follower::new(&daemon, None).await;
        client.until_words(&["honest"]).await;
        Self {
            daemon,
            http,
            client,
        }
    }

    /// Asserts that the honest peers are still there, and that newcomers are admitted and listed.
    async fn goes_on(&mut self) {
        let newcomer = format!("newcomer {}", self.client.snapshot.revision());
        let connection = self.daemon.connect(Role::Heartbeat, None).await;
        let task = tokio::spawn(metaserve_heartbeat::run(
            connection,
            constant(newcomer.clone()),
        ));
        let all = ["honest", &newcomer];
        self.client.until_words(&all).await;
        let other = Follower::new(&self.daemon, None).await;
        assert_eq!(words(&other.snapshot), all);
        task.abort();
        self.client.until_words(&["honest"]).await;
    }

    /// Connects with TLS settings that games do not use.
    fn connect_with(&self, role: Role, mut tls: rustls::ClientConfig) -> quinn::Connecting {
        tls.alpn_protocols = vec![role.alpn().to_vec()];
        let tls = QuicClientConfig::try_from(tls).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let endpoint = metaserve::client_endpoint().unwrap();
        let connecting = endpoint.connect_with(config, self.daemon.address, "localhost");
        connecting.unwrap()
    }

    /// Waits until a counter has reached `least`.
    async fn counted(&self, metric: &str, labels: &[(&str, &str)], least: f64) {
        until(self.http, metric, labels, |value| value >= least).await;
    }
}

/// Waits until a metric satisfies `wanted`.
async fn until(
    http: SocketAddr,
    metric: &str,
    labels: &[(&str, &str)],
    wanted: impl Fn(f64) -> bool,
) {
    let look = async { while !wanted(value_of(&scrape(http).await, metric, labels)) {} };
    patiently(metric, look).await;
}

fn hello() -> Vec<u8> {
    let hello = Hello {
        game: "game",
        port: None,
    };
    frame(FromServer::Hello(hello)).to_vec()
}

/// Sends first packets, each from a different address, until a metric has reached `least`. They
/// are sent in small bursts, since the socket of a busy daemon drops what its buffer cannot hold.
async fn flood_until(
    daemon: &Daemon,
    http: SocketAddr,
    metric: &str,
    labels: &[(&str, &str)],
    least: f64,
) -> Flood {
    let mut sent = Flood::default();
    let flooding = async {
        while value_of(&scrape(http).await, metric, labels) < least {
            sent.add(flood(daemon, 20));
        }
    };
    patiently(metric, flooding).await;
    sent
}

const HANDSHAKES: &str = "metaserve_handshakes_total";
const UNDER_WAY: &str = "metaserve_handshakes_under_way";
const RETRIED: [(&str, &str); 1] = [("outcome", "retried")];

#[tokio::test]
async fn newcomers_are_admitted_while_forged_addresses_must_be_validated() {
    let limits = ["--retry-above-handshakes", "20", "--hello-timeout", "60s"];
    let mut attacked = Attacked::start(&limits).await;
    let (daemon, http) = (&attacked.daemon, attacked.http);
    let _flood = flood_until(daemon, http, HANDSHAKES, &RETRIED, 200.0).await;
    // Twenty handshakes stay in progress for a minute, so newcomers have to validate their
    // addresses.
    attacked.goes_on().await;
}

#[tokio::test]
async fn a_flood_from_forged_addresses_gets_little_back() {
    let limits = [
        "--retry-above-handshakes",
        "20",
        "--retry-above-per-second",
        "20",
        "--hello-timeout",
        "1s",
    ];
    let http = ["--http", "127.0.0.1:0"];
    let mut daemon = Daemon::start(DAEMON, &[&limits[..], &http].concat()).await;
    let http = daemon.http().await;
    let flood = flood_until(&daemon, http, HANDSHAKES, &RETRIED, 200.0).await;
    // The started handshakes are given up, so that nothing more is sent.
    until(http, UNDER_WAY, &[], |under_way| under_way == 0.0).await;
    let (greatest, all) = flood.amplification();
    println!("bytes sent for each byte received: {greatest:.2} at most, {all:.2} in all");
    assert!(all <= 1.0, "{all}");
    // Three times and one packet: quinn rounds up to whole packets.
    assert!(greatest < 4.0, "{greatest}");
}

#[tokio::test]
async fn with_validation_for_everybody_nothing_is_amplified() {
    let mut attacked = Attacked::start(&["--retry-above-handshakes", "0"]).await;
    let (daemon, http) = (&attacked.daemon, attacked.http);
    let flood = flood_until(daemon, http, HANDSHAKES, &RETRIED, 10.0).await;
    let (greatest, _) = flood.amplification();
    assert!(greatest > 0.0 && greatest < 1.0, "{greatest}");
    attacked.goes_on().await;
}

#[tokio::test]
async fn incomplete_handshakes_leave_places_for_others() {
    let mut attacked = Attacked::start(&["--hello-timeout", "60s"]).await;
    let (daemon, http) = (&attacked.daemon, attacked.http);
    let _flood = flood_until(daemon, http, UNDER_WAY, &[], 200.0).await;
    attacked.goes_on().await;
}

#[tokio::test]
async fn a_peer_gets_only_one_stream_however_many_it_requests() {
    let mut attacked = Attacked::start(&[]).await;
    for role in [Role::Heartbeat, Role::Client] {
        let connection = attacked.daemon.connect(role, None).await;
        let mut streams = Vec::new();
        for _ in 0..100_000 {
            let one_way = connection.open_uni().now_or_never();
            streams.extend(one_way.map(|stream| stream.unwrap()));
            assert!(connection.open_bi().now_or_never().is_none());
        }
        assert_eq!(streams.len(), 1, "{role}");
    }
    attacked.goes_on().await;
}

#[tokio::test]
async fn clients_and_servers_that_read_nothing_are_given_up() {
    let mut attacked = Attacked::start(&["--stall-timeout", "200ms"]).await;
    let connect = async |role| {
        let mut config = client_config(role, &attacked.daemon.trust(), None).unwrap();
        let mut transport = transport::client(role);
        transport.receive_window(0_u32.into());
        config.transport_config(Arc::new(transport));
        let endpoint = metaserve::client_endpoint().unwrap();
        let connecting = endpoint.connect_with(config, attacked.daemon.address, "localhost");
        connecting.unwrap().await.unwrap()
    };
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(RawClient::new(connect(Role::Client).await, None, None).await);
    }
    let stalled = [("limit", "stall_timeout")];
    attacked
        .counted("metaserve_limit_reached_total", &stalled, 50.0)
        .await;
    let server = connect(Role::Heartbeat).await;
    let _stream = say(&server, &hello()).await;
    let close = closed(&server).await;
    assert_eq!(close.code, CloseCode::ProtocolViolation);
    assert!(close.reason.contains("not being read"), "{close}");
    attacked.goes_on().await;
}

/// A client that allowed no stream was kept, and told nothing.
#[tokio::test]
async fn servers_and_clients_that_allow_the_daemon_no_stream_are_closed_with_the_reason() {
    let mut attacked = Attacked::start(&[]).await;
    let subscribe = Subscribe {
        game: None,
        known: None,
        compression: Compression::None,
    };
    let first = [
        (Role::Heartbeat, hello()),
        (Role::Client, frame(subscribe).to_vec()),
    ];
    for (role, message) in first {
        let mut config = client_config(role, &attacked.daemon.trust(), None).unwrap();
        let mut transport = transport::client(role);
        transport.max_concurrent_uni_streams(0_u32.into());
        config.transport_config(Arc::new(transport));
        let endpoint = metaserve::client_endpoint().unwrap();
        let connecting = endpoint.connect_with(config, attacked.daemon.address, "localhost");
        let connection = connecting.unwrap().await.unwrap();
        let _stream = say(&connection, &message).await;
        let close = closed(&connection).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation, "{role}");
        assert!(
            close
                .reason
                .contains("does not let the daemon open its stream"),
            "{close}"
        );
    }
    attacked.goes_on().await;
}

#[tokio::test]
async fn a_trusted_certificate_without_its_key_admits_nobody() {
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [trusted, _thief] = directories
        .each_ref()
        .map(|directory| Identity::load_or_create(directory.path(), &[]).unwrap());
    let fingerprint = trusted.fingerprint().to_string();
    let mut attacked = Attacked::start(&["--trust-relay", &fingerprint]).await;
    let key = PrivateKeyDer::from_pem_file(directories[1].path().join("key.pem")).unwrap();
    let stolen = SingleCertAndKey::from(CertifiedKey::new(
        vec![trusted.certificate().clone()],
        any_supported_type(&key).unwrap(),
    ));
    let stolen = Arc::new(stolen);
    for role in [Role::Relay, Role::Heartbeat] {
        let mut tls = trusting(&attacked.daemon);
        tls.client_auth_cert_resolver = stolen.clone();
        let connecting = attacked.connect_with(role, tls);
        // A client considers its handshake complete before the daemon has checked the proof.
        let end = match connecting.await {
            Ok(connection) => patiently("the end", connection.closed()).await,
            Err(error) => error,
        };
        assert!(
            matches!(end, quinn::ConnectionError::ConnectionClosed(_)),
            "{end}"
        );
    }
    let failed = [("outcome", "failed")];
    attacked
        .counted("metaserve_handshakes_total", &failed, 2.0)
        .await;
    attacked.goes_on().await;
}

#[tokio::test]
async fn early_data_is_not_accepted() {
    let mut attacked = Attacked::start(&[]).await;
    let mut tls = trusting(&attacked.daemon);
    tls.enable_early_data = true;
    let connect = || attacked.connect_with(Role::Heartbeat, tls.clone());
    let first = connect().await.unwrap();
    // The welcome comes after the session ticket.
    let _stream = say(&first, &hello()).await;
    drop(patiently("the welcome", first.accept_uni()).await.unwrap());
    let early = connect().into_0rtt();
    assert!(early.is_err(), "the ticket allows early data");
    attacked.goes_on().await;
}

#[tokio::test]
async fn a_flood_of_mistakes_does_not_flood_the_log() {
    let mut attacked = Attacked::start(&[]).await;
    let connector = attacked.daemon.connector(Role::Client, None);
    for _ in 0..200 {
        let connection = connector.connect().await.unwrap();
        let close = raw_peer(&connection, b"GET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(close.code, CloseCode::ProtocolViolation);
    }
    let mut written = 0;
    let told = loop {
        let line = attacked.daemon.logged("closed: ").await;
        if line.contains("similar lines, for example: ") {
            break line;
        }
        written += 1;
    };
    assert!((50..150).contains(&written), "{written}, then {told}");
    let labels = [("role", "client"), ("code", "protocol_violation")];
    attacked
        .counted("metaserve_connections_closed_total", &labels, 200.0)
        .await;
    attacked.goes_on().await;
}

/// A line break in a stranger's text started a new line of the log, with content of the stranger's
/// choice.
#[tokio::test]
async fn the_close_reason_of_a_peer_forges_no_line_of_the_log() {
    let mut attacked = Attacked::start(&["--log", "debug"]).await;
    let connection = attacked.daemon.connect(Role::Heartbeat, None).await;
    connection.close(0_u32.into(), b"bye\nERROR all is lost");
    let line = attacked.daemon.logged("all is lost").await;
    assert!(
        line.contains("gone: goodbye: bye ERROR all is lost"),
        "{line}"
    );
    attacked.goes_on().await;
}

#[tokio::test]
async fn a_crowd_that_comes_and_goes_leaves_nothing_behind() {
    let mut attacked = Attacked::start(&[]).await;
    let connector = attacked.daemon.connector(Role::Heartbeat, None);
    for _ in 0..300 {
        let connection = connector.connect().await.unwrap();
        connection.close(0_u32.into(), b"");
    }
    let servers = [("role", "heartbeat")];
    let honest = |connections| connections == 1.0;
    until(attacked.http, "metaserve_connections", &servers, honest).await;
    attacked.goes_on().await;
}

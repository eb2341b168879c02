//! Limits hold. A peer that reaches one is told which, and it is counted.

use crate::{
    metrics::{scrape, value},
    with_http,
};
use metaserve::{
    Close, CloseCode, Role,
    protocol::heartbeat::{FromServer, Hello},
    stream::frame,
};
use metaserve_tests::{Daemon, Follower, closed, constant, patiently, raw_peer};
use std::net::SocketAddr;

/// Waits until a limit has been counted as reached.
pub(crate) async fn reached(http: SocketAddr, limit: &str) {
    let search =
        async { while value(&scrape(http).await, "metaserve_limit_reached_total", limit) < 1.0 {} };
    patiently(limit, search).await;
}

async fn refused(daemon: &Daemon, role: Role) -> Close {
    let connection = daemon.connect(role, None).await;
    closed(&connection).await
}

#[tokio::test]
async fn places_are_limited_in_total_by_address_and_by_kind() {
    let (one, full) = ("127.0.0.1 already has 1 places", "all 1 places are taken");
    let all = "all 1 places of all kinds are taken";
    let [server, client] = [Role::Heartbeat, Role::Client];
    for (limit, roles, whose) in [
        ("--max-connections", [server, client], all),
        ("--max-servers", [server, server], full),
        ("--max-clients", [client, client], full),
        ("--max-servers-per-prefix", [server, server], one),
        ("--max-clients-per-prefix", [client, client], one),
    ] {
        let (daemon, http) = with_http(&[limit, "1"]).await;
        let first = daemon.connect(roles[0], None).await;
        let counted = async {
            let role = roles[0].to_string();
            while value(&scrape(http).await, "metaserve_connections", &role) < 1.0 {}
        };
        patiently("the first", counted).await;
        let close = refused(&daemon, roles[1]).await;
        assert_eq!(close.code, CloseCode::OverCapacity);
        assert!(close.reason.contains(whose), "{limit}: {close}");
        reached(http, &limit[2..].replace('-', "_")).await;
        // A peer that leaves makes room.
        first.close(0_u8.into(), b"");
        let again = async {
            loop {
                let _connection = daemon.connect(roles[1], None).await;
                let scrape = scrape(http).await;
                if value(&scrape, "metaserve_connections", &roles[1].to_string()) == 1.0 {
                    break;
                }
            }
        };
        patiently("room", again).await;
    }
}

#[tokio::test]
async fn a_crowd_must_validate_its_addresses_and_is_admitted() {
    for limit in ["--retry-above-handshakes", "--retry-above-per-second"] {
        let (daemon, http) = with_http(&[limit, "0"]).await;
        Follower::new(&daemon, None).await;
        let scrape = scrape(http).await;
        // A first packet that is sent again is challenged again.
        assert!(value(&scrape, "metaserve_handshakes_total", "retried") >= 1.0);
        reached(http, &limit[2..].replace('-', "_")).await;
    }
}

#[tokio::test]
async fn a_peer_that_sends_nothing_is_closed_as_too_slow() {
    let (daemon, http) = with_http(&["--hello-timeout", "1s"]).await;
    let connector = daemon.connector(Role::Heartbeat, None);
    // On a busy machine the handshake alone may take longer than that.
    let close = async {
        loop {
            let Ok(connection) = connector.connect().await else {
                continue;
            };
            if let Some(close) = Close::from_peer(&connection.closed().await) {
                break close;
            }
        }
    };
    let close = patiently("the end", close).await;
    assert_eq!(close.code, CloseCode::TooSlow);
    assert!(close.reason.contains("within 1s"), "{close}");
    reached(http, "hello_timeout").await;
}

/// A server that says a heartbeat that is too long, which the library leaves out.
pub(crate) fn too_long() -> Vec<u8> {
    let (game, port) = ("game", None);
    let mut bytes = frame(FromServer::Hello(Hello { game, port })).to_vec();
    bytes.extend(frame(FromServer::Heartbeat(&[0; 10_000])));
    bytes
}

#[tokio::test]
async fn heartbeats_that_are_too_large_or_too_many_are_counted_by_reason() {
    let (daemon, http) = with_http(&["--heartbeats-per-interval", "1"]).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let close = raw_peer(&connection, &too_long()).await;
    assert_eq!(close.code, CloseCode::OversizeHeartbeat);
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let hello = Hello {
        game: "game",
        port: None,
    };
    let mut bytes = frame(FromServer::Hello(hello)).to_vec();
    for number in 0..1000 {
        bytes.extend(frame(FromServer::Heartbeat(number.to_string().as_bytes())));
    }
    let close = raw_peer(&connection, &bytes).await;
    assert_eq!(close.code, CloseCode::RateLimited);
    reached(http, "max_heartbeat").await;
    reached(http, "heartbeats_per_interval").await;
    reached(http, "min_interval").await;
    let scrape = scrape(http).await;
    for reason in ["oversize", "too_often"] {
        assert_eq!(
            value(&scrape, "metaserve_heartbeats_rejected_total", reason),
            1.0
        );
    }
}

#[tokio::test]
async fn one_game_too_many_is_refused_and_counted() {
    let (daemon, http) = with_http(&["--max-games", "1"]).await;
    let publisher = |connection: quinn::Connection, game: &str| {
        metaserve_heartbeat::Publisher::new(connection).game(game)
    };
    let first = publisher(daemon.connect(Role::Heartbeat, None).await, "chess");
    tokio::spawn(first.run(constant("rook")));
    Follower::new(&daemon, None)
        .await
        .until_words(&["rook"])
        .await;
    let second = publisher(daemon.connect(Role::Heartbeat, None).await, "go");
    let end = second.run(constant("stone")).await.unwrap_err().to_string();
    assert!(end.contains("1 games"), "{end}");
    reached(http, "max_games").await;
}

#[tokio::test]
async fn a_killed_server_counts_as_idle() {
    let (daemon, http) = with_http(&[]).await;
    let mut server = crate::game_server(&daemon, &["killed"]);
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["killed"]).await;
    server.kill().await.unwrap();
    client.until_words(&[]).await;
    reached(http, "idle_timeout").await;
}

#[tokio::test]
async fn a_list_longer_than_the_send_window_is_sent_as_the_client_reads() {
    let (daemon, http) = with_http(&["--send-window", "16384"]).await;
    for server in 0..8_u64 {
        // Random data, which compression cannot shorten.
        let noise = (0..1000_u64).flat_map(|it| hash(&(server, it)).to_ne_bytes());
        let connection = daemon.connect(Role::Heartbeat, None).await;
        let heartbeats = constant(noise.collect::<Vec<_>>());
        tokio::spawn(metaserve_heartbeat::run(connection, heartbeats));
    }
    let mut client = Follower::new(&daemon, None).await;
    client.until("all", |list| list.len() == 8).await;
    let newcomer = Follower::new(&daemon, None).await;
    assert_eq!(newcomer.snapshot.len(), 8);
    reached(http, "send_window").await;
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::new().hash_one(value)
}

//! Programs without QUIC read the list over HTTP.

use crate::{DAEMON, with_http};
use metaserve::{Identity, Role, protocol::relay::FromRelay, protocol::relay::Upsert, stream};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, Follower, constant, failing_start,
    http::{Answer, get},
    patiently,
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn publish(daemon: &Daemon, game: &str, heartbeat: &'static [u8]) {
    let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await);
    tokio::spawn(publisher.game(game).port(7777).run(constant(heartbeat)));
}

async fn servers(address: SocketAddr, query: &str) -> Answer {
    get(address, &format!("/api/v1/servers{query}"), &[]).await
}

#[tokio::test]
async fn a_script_reads_records_as_json_and_other_heartbeats_as_bytes() {
    let (daemon, address) = with_http(&[]).await;
    publish(
        &daemon,
        "chess",
        br#"{"name":"Dusty's","players":3,"map":"<b>E4</b>"}"#,
    )
    .await;
    publish(&daemon, "go", b"\xffstone").await;
    let mut client = Follower::new(&daemon, None).await;
    client.until("both", |list| list.len() == 2).await;

    let chess = servers(address, "?game=chess").await;
    assert_eq!(chess.status, 200);
    let chess = chess.json()["servers"][0].clone();
    assert_eq!(chess["info"]["name"], "Dusty's");
    assert_eq!(chess["address"], "127.0.0.1:7777");
    assert_eq!(chess["addresses"][0], chess["address"]);
    assert!(chess["updated"].as_u64().unwrap() > 1_600_000_000);
    assert!(chess.get("heartbeat_base64").is_none());

    let go = servers(address, "?game=go").await.json()["servers"][0].clone();
    assert_eq!(go["heartbeat_base64"], "/3N0b25l");
    assert_eq!(go["size"], 6);
    assert!(go.get("info").is_none());

    for (query, count) in [
        ("", 2),
        ("?q=dusty", 1),
        ("?q=e4&game=go", 0),
        ("?q=7777", 2),
        ("?q=e4+dusty", 1),
        ("?q=dusty+go", 0),
    ] {
        let found = servers(address, query).await.json();
        assert_eq!(found["servers"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_miss_no_server() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let (daemon, address) = with_http(&["--trust-relay", &relay.fingerprint().to_string()]).await;
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    for key in 0..250_u8 {
        let upsert = Upsert {
            key: key.into(),
            game: "many",
            // Fifty at one address, then one at each address.
            address: ([10, 0, 0, key.max(50)], 7777).into(),
            heartbeat: &[key],
        };
        stream::write(&mut out, FromRelay::Upsert(upsert))
            .await
            .unwrap();
    }
    let mut client = Follower::new(&daemon, None).await;
    client.until("all", |list| list.len() == 250).await;

    let mut seen = Vec::new();
    let mut query = "?limit=90".to_owned();
    loop {
        let page = servers(address, &query).await.json();
        let ids = page["servers"].as_array().unwrap().iter();
        seen.extend(ids.map(|server| server["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("?limit=90&after={next}");
    }
    assert_eq!(seen.len(), 250);
    // The first of each address by age, then the others of the one address.
    let (first, others) = seen.split_at(200);
    for part in [first, others] {
        assert!(part.is_sorted_by(|before, after| before < after));
    }
    assert!(first[0] < others[0] && others[49] < first[1], "{seen:?}");
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let (daemon, address) = with_http(&[]).await;
    publish(&daemon, "chess", b"rook").await;
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["rook"]).await;
    let tag = servers(address, "").await.header("etag").to_owned();
    let again = [("if-none-match", &*tag)];
    let answer = get(address, "/api/v1/servers", &again).await;
    assert_eq!((answer.status, answer.body.len()), (304, 0));

    publish(&daemon, "chess", b"queen").await;
    client.until_words(&["queen", "rook"]).await;
    assert_eq!(get(address, "/api/v1/servers", &again).await.status, 200);
}

#[tokio::test]
async fn other_sites_may_read_and_long_answers_are_compressed() {
    let (daemon, address) = with_http(&[]).await;
    publish(&daemon, "chess", &[b'x'; 2000]).await;
    let mut client = Follower::new(&daemon, None).await;
    client.until("one", |list| list.len() == 1).await;
    for encoding in ["gzip", "zstd"] {
        let headers = [
            ("accept-encoding", encoding),
            ("origin", "https://example.org"),
        ];
        let answer = get(address, "/api/v1/servers", &headers).await;
        assert_eq!(answer.header("content-encoding"), encoding);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.body.len() < 1000, "{}", answer.body.len());
    }
}

#[tokio::test]
async fn absurd_requests_are_refused_with_a_reason() {
    let (_daemon, address) = with_http(&[]).await;
    let answer = servers(address, "?limit=1000000").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["parameter"], "limit");
    assert_eq!(get(address, "/nowhere", &[]).await.status, 404);
    let huge = "x".repeat(100_000);
    let answer = get(address, "/healthz", &[("x-huge", &huge)]).await;
    assert_eq!(answer.status, 431);
    assert_eq!(get(address, "/healthz", &[]).await.status, 200);
    assert_eq!(get(address, "/readyz", &[]).await.status, 200);
}

#[tokio::test]
async fn one_connection_too_many_is_refused_and_a_closed_one_frees_its_place() {
    let (_daemon, address) = with_http(&["--max-http-connections", "1"]).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n")
        .await
        .unwrap();
    let mut begin = [0; 12];
    patiently("an answer", first.read_exact(&mut begin))
        .await
        .unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");

    let refused = get(address, "/healthz", &[]).await;
    assert_eq!(refused.status, 503);
    let reason = refused.json()["error"].to_string();
    assert!(reason.contains("--max-http-connections"), "{reason}");

    drop(first);
    while get(address, "/healthz", &[]).await.status != 200 {}
}

#[tokio::test]
async fn a_daemon_that_stops_does_not_wait_for_idle_browsers() {
    let (mut daemon, address) = with_http(&[]).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n")
        .await
        .unwrap();
    let mut begin = [0; 12];
    patiently("an answer", idle.read_exact(&mut begin))
        .await
        .unwrap();
    daemon.signal("TERM").await;
    daemon.logged("stopped: every peer was told").await;
    assert_eq!(daemon.ended().await, Some(0));
}

#[tokio::test]
async fn a_requested_address_in_use_is_reported_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let state = tempfile::tempdir().unwrap();
    let arguments = ["--http", &address.to_string()];
    let complaint = failing_start(DAEMON, "[::1]:0", state.path(), &arguments).await;
    let expected = format!("TCP port {} is in use", address.port());
    assert!(
        complaint.contains(&expected) && complaint.contains("--http off"),
        "{complaint}"
    );
}

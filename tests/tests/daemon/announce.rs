//! Game servers without QUIC announce themselves over HTTP, at the address that they come from.

mod answers;
mod proxies;
mod shell;
mod unready;

use crate::{
    DAEMON, FAST,
    metrics::{scrape, value},
    with_http,
};
use hyper::Method;
use metaserve::{Role, time::now};
use metaserve_tests::{
    Daemon, Follower,
    http::{Answer, Connection, Listener, get, send},
    patiently,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ON: [&str; 2] = ["--announce", "on"];
const JSON: (&str, &str) = ("content-type", "application/json");

/// Of two announcers, in the form of the header.
const OURS: (&str, &str) = (
    "authorization",
    "Bearer ours-0123456789abcdef0123456789abcdef",
);
const THEIRS: (&str, &str) = (
    "authorization",
    "Bearer theirs-0123456789abcdef0123456789abcd",
);

/// A path for a game and a port.
fn path(port: &str) -> String {
    format!("/api/v1/servers/my-game/{port}")
}

async fn put(daemon: SocketAddr, port: &str, secret: (&str, &str), body: &str) -> Answer {
    let from = match daemon.ip() {
        IpAddr::V4(_) => LOCAL,
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let body = body.to_owned();
    send(
        from,
        daemon,
        Method::PUT,
        &path(port),
        &[secret, JSON],
        body,
    )
    .await
}

async fn delete(daemon: SocketAddr, port: &str, secret: (&str, &str)) -> Answer {
    send(LOCAL, daemon, Method::DELETE, &path(port), &[secret], "").await
}

async fn announcing(further: &[&str]) -> (Daemon, SocketAddr) {
    with_http(&[&ON[..], further].concat()).await
}

/// Sends bytes as they are, and reads the answer until the daemon closes the connection.
async fn raw(daemon: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(daemon).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset also ends the connection.
    let _ = patiently("the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of a `PUT` on a connection that ends with it.
fn head(more: &str) -> String {
    let (name, secret) = OURS;
    format!(
        "PUT {} HTTP/1.1\r\nhost: localhost\r\n{name}: {secret}\r\nconnection: close\r\n{more}\r\n\r\n",
        path("7777")
    )
}

/// The list as the API shows it now.
async fn listed(daemon: SocketAddr) -> Vec<serde_json::Value> {
    let page = get(daemon, "/api/v1/servers", &[]).await.json();
    page["servers"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_server_is_listed_kept_and_taken_off_and_marked_as_announced() {
    let (daemon, http) = announcing(&[]).await;
    let mut client = Follower::new(&daemon, None).await;
    let first = put(http, "7777", OURS, r#"{"name":"Dusty's","players":1}"#).await;
    assert_eq!(first.status, 201);
    let body = first.json();
    assert_eq!(body["address"], "127.0.0.1:7777");
    assert_eq!(body["ttl_seconds"], 60);
    assert_eq!(body["announce_every_seconds"], 20);
    assert_eq!(body["min_interval_ms"], 20);
    client.until("listed", |list| list.len() == 1).await;
    let shown = listed(http).await[0].clone();
    assert_eq!(shown["by"], "http");
    assert_eq!(shown["identity"], body["identity"]);
    assert_eq!(shown["info"]["name"], "Dusty's");
    let again = put(http, "7777", OURS, r#"{"name":"Dusty's","players":1}"#).await;
    assert_eq!((again.status, again.json()), (200, body));
    assert_eq!(delete(http, "7777", OURS).await.status, 204);
    client.until("off the list", |list| list.is_empty()).await;
    assert_eq!(delete(http, "7777", OURS).await.status, 404);
    let metrics = scrape(http).await;
    for (outcome, count) in [
        ("listed", 1.0),
        ("kept", 1.0),
        ("unlisted", 1.0),
        ("not_listed", 1.0),
    ] {
        assert_eq!(
            value(&metrics, "metaserve_announces_total", outcome),
            count,
            "{outcome}"
        );
    }
}

#[tokio::test]
async fn both_families_with_one_secret_are_one_entry() {
    let everywhere = ["--http", "[::]:0"];
    let arguments = [&FAST[..], &everywhere, &ON].concat();
    let mut daemon = Daemon::start(DAEMON, &arguments).await;
    let port = daemon.http().await.port();
    let [v4, v6] = [LOCAL, Ipv6Addr::LOCALHOST.into()].map(|it| SocketAddr::new(it, port));
    let mut client = Follower::new(&daemon, None).await;
    assert_eq!(put(v6, "7777", OURS, "words").await.status, 201);
    assert_eq!(put(v4, "7777", OURS, "words").await.status, 200);
    let both = |list: &metaserve_client::Snapshot| {
        list.servers().all(|server| server.addresses.len() == 2) && list.len() == 1
    };
    client.until("both addresses", both).await;
    assert_eq!(listed(v4).await[0]["addresses"][1], "[::1]:7777");
}

/// What the request says of addresses changes nothing: neither its body nor its headers.
#[tokio::test]
async fn the_address_is_that_of_the_connection_whatever_the_request_says() {
    let (daemon, http) = announcing(&[]).await;
    let body = r#"{"name":"liar","address":"192.0.2.1:80","addresses":["192.0.2.1:80"]}"#;
    let headers = [
        OURS,
        JSON,
        ("client-ip", "192.0.2.1"),
        ("from", "192.0.2.1"),
    ];
    let from = [127, 9, 8, 7].into();
    let answer = send(from, http, Method::PUT, &path("7777"), &headers, body).await;
    assert_eq!(answer.json()["address"], "127.9.8.7:7777");
    let mut client = Follower::new(&daemon, None).await;
    client.until("listed", |list| list.len() == 1).await;
    assert_eq!(listed(http).await[0]["address"], "127.9.8.7:7777");
}

#[tokio::test]
async fn a_restarted_daemon_lists_a_server_with_its_next_announcement_under_the_same_identity() {
    let (daemon, http) = announcing(&[]).await;
    let before = put(http, "7777", OURS, "words").await.json();
    let http_again = http.to_string();
    let arguments = [&FAST[..], &ON, &["--http", &http_again]].concat();
    let daemon = daemon.kill_and_restart(&arguments).await;
    let mut client = Follower::new(&daemon, None).await;
    let answer = put(http, "7777", OURS, "words").await;
    assert_eq!((answer.status, answer.json()), (201, before));
    client.until_words(&["words"]).await;
}

#[tokio::test]
async fn an_announcement_with_equal_bytes_sends_nothing() {
    let (daemon, http) = announcing(&[]).await;
    put(http, "7777", OURS, "same").await;
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["same"]).await;
    let mut listener = Listener::new(http, "/api/v1/events", &[]).await.unwrap();
    listener.next().await.unwrap();
    for _ in 0..20 {
        assert_eq!(put(http, "7777", OURS, "same").await.status, 200);
    }
    put(http, "7778", OURS, "other").await;
    let delta = listener.next().await.unwrap().data;
    let changed = delta["servers"].as_array().unwrap();
    assert_eq!(changed.len(), 1, "{delta}");
    assert_eq!(changed[0]["address"], "127.0.0.1:7778");
}

#[tokio::test]
async fn servers_of_an_address_leave_when_it_is_banned_and_when_announcing_is_turned_off() {
    let directory = tempfile::tempdir().unwrap();
    let bans = directory.path().join("bans.txt");
    std::fs::write(&bans, "").unwrap();
    let file = directory.path().join("daemon.toml");
    std::fs::write(&file, "announce = true\n").unwrap();
    let arguments = [
        "--config",
        file.to_str().unwrap(),
        "--ban-file",
        bans.to_str().unwrap(),
    ];
    let (daemon, http) = with_http(&arguments).await;
    let from = |last| IpAddr::from([127, 9, 8, last]);
    let announce = async |last| {
        let headers = [OURS, JSON];
        let port = path(&format!("777{last}"));
        let words = format!("{last}");
        send(from(last), http, Method::PUT, &port, &headers, words)
            .await
            .status
    };
    assert_eq!((announce(1).await, announce(2).await), (201, 201));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["1", "2"]).await;
    let new = bans.with_extension("new");
    std::fs::write(&new, "127.9.8.1\n").unwrap();
    std::fs::rename(&new, &bans).unwrap();
    client.until_words(&["2"]).await;
    assert_eq!(announce(1).await, 403);
    std::fs::write(&file, "announce = false\n").unwrap();
    daemon.signal("HUP").await;
    client.until_words(&[]).await;
    assert_eq!(announce(2).await, 403);
}

/// What players notice of a flood: nothing. Each client sees each change, and of the flood no more
/// is let in than the settings say.
#[tokio::test]
async fn a_flood_of_announcements_is_refused_and_every_client_sees_every_change() {
    const AT_ONCE: u32 = 20;
    let limits = ["--announces-per-prefix", "1", "--announces-at-once", "20"];
    let rows = ["--max-listed-per-prefix", "5"];
    let (daemon, http) = announcing(&[&limits[..], &rows].concat()).await;
    let (say, mut heard) = tokio::sync::mpsc::unbounded_channel::<String>();
    let heartbeats = futures::stream::poll_fn(move |context| heard.poll_recv(context));
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, heartbeats));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Follower::new(&daemon, Some("default")).await);
    }
    let begun = now();
    let flood = async |port: u16| {
        let mut connection = Connection::from(LOCAL, http).await.unwrap();
        let (path, mut refused) = (path(&port.to_string()), 0);
        for body in 0..300 {
            let sent = connection.send(Method::PUT, &path, &[OURS, JSON], body.to_string());
            match sent.await {
                Ok(answer) if answer.status == 429 => {
                    let left: u64 = answer.header("retry-after").parse().unwrap();
                    assert!(left >= 1, "{answer:?}");
                    refused += 1;
                }
                Ok(_) => {}
                // A refusal that comes before the body was read ends the connection.
                Err(_) => connection = Connection::from(LOCAL, http).await.unwrap(),
            }
        }
        refused
    };
    let honest = async {
        for change in 0..30 {
            say.send(change.to_string()).unwrap();
            for client in &mut clients {
                client.until_words(&[&change.to_string()]).await;
            }
        }
    };
    let floods = futures::future::join_all((1..=8).map(flood));
    let (refused, ()) = futures::join!(floods, honest);
    let metrics = scrape(http).await;
    let took = now().duration_since(begun).as_secs_f64();
    let counted = |outcomes: &[&str]| -> f64 {
        let count = |outcome: &&str| value(&metrics, "metaserve_announces_total", outcome);
        outcomes.iter().map(count).sum()
    };
    let let_in = counted(&["listed", "kept", "too_soon", "rows"]);
    let most = f64::from(AT_ONCE) + took;
    assert!((1.0..=most).contains(&let_in), "{let_in} of {most}");
    // What was let in may have come too soon, which is 429 as well.
    let refused = f64::from(refused.iter().sum::<u32>());
    assert!(
        refused > most && counted(&["rate", "too_soon"]) >= refused,
        "{refused}"
    );
    assert!(listed(http).await.len() <= 1 + 8);
}

/// The log is for the operator, and others may read it.
#[tokio::test]
async fn no_secret_reaches_the_log() {
    let (mut daemon, http) = announcing(&["--log", "trace"]).await;
    put(http, "7777", OURS, "words").await;
    put(http, "7777", THEIRS, "words").await;
    put(http, "70000", OURS, "words").await;
    put(
        http,
        "7777",
        ("authorization", "Basic ours-0123456789abcdef"),
        "words",
    )
    .await;
    delete(http, "7777", OURS).await;
    daemon.signal("TERM").await;
    assert_eq!(daemon.ended().await, Some(0));
    let mut log = String::new();
    let whole = async {
        while !log.contains("stopped: ") {
            log.extend(daemon.said());
            tokio::task::yield_now().await;
        }
    };
    patiently("the end of the log", whole).await;
    for part in ["ours-0123456789abcdef", "theirs-0123456789abcdef"] {
        assert!(!log.contains(part), "{log}");
    }
}

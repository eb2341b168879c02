//! A listener to events sees the list live, and delays nobody.

use crate::{limits::reached, with_http};
use bytes::Bytes;
use futures::channel::mpsc;
use metaserve::{
    Game, Identity, Role,
    feed::Feeds,
    protocol::relay::{FromRelay, Upsert},
    registry::Registry,
    stream,
};
use metaserve_tests::{
    constant,
    http::{Listener, get},
    patiently,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const EVENTS: &str = "/api/v1/events";

#[tokio::test]
async fn a_listener_sees_a_server_come_change_and_go() {
    let (daemon, address) = with_http(&[]).await;
    let mut listener = Listener::new(address, EVENTS, &[]).await.unwrap();
    let first = listener.next().await.unwrap();
    assert_eq!(first.name, "snapshot");
    assert_eq!(first.data["servers"].as_array().unwrap().len(), 0);
    // The snapshot of an empty list is shorter than any delta, so one server stays.
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("a stayer")));
    listener.next().await.unwrap();

    let (heartbeats, stream) = mpsc::unbounded();
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    heartbeats.unbounded_send(r#"{"name":"one"}"#).unwrap();
    let added = listener.next().await.unwrap();
    assert_eq!(added.name, "delta");
    let server = &added.data["servers"][0];
    assert_eq!(server["info"]["name"], "one");

    heartbeats.unbounded_send(r#"{"name":"two"}"#).unwrap();
    let changed = listener.next().await.unwrap();
    assert_eq!(changed.data["servers"][0]["id"], server["id"]);
    assert_eq!(changed.data["servers"][0]["info"]["name"], "two");

    drop(heartbeats);
    let gone = listener.next().await.unwrap();
    assert_eq!(gone.data["removed"][0], server["id"]);
}

#[tokio::test]
async fn a_returning_listener_gets_what_it_missed_and_an_unknown_one_the_whole_list() {
    let (daemon, address) = with_http(&[]).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let (heartbeats, stream) = mpsc::unbounded();
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    heartbeats.unbounded_send("one").unwrap();
    let mut listener = Listener::new(address, EVENTS, &[]).await.unwrap();
    let mut last = listener.next().await.unwrap();
    while last.data["servers"].as_array().unwrap().is_empty() {
        last = listener.next().await.unwrap();
    }
    heartbeats.unbounded_send("two").unwrap();
    let two = listener.next().await.unwrap();
    drop(listener);

    let known = [("last-event-id", &*last.id)];
    let mut again = Listener::new(address, EVENTS, &known).await.unwrap();
    let missed = again.next().await.unwrap();
    assert_eq!((&*missed.name, missed.id), ("delta", two.id));
    for id in ["1.1", "what?"] {
        let strange = [("last-event-id", id)];
        let mut listener = Listener::new(address, EVENTS, &strange).await.unwrap();
        assert_eq!(listener.next().await.unwrap().name, "snapshot");
    }
    // An id belongs to what was listened to.
    let one_game = format!("{EVENTS}?game=default");
    let mut other = Listener::new(address, &one_game, &known).await.unwrap();
    assert_eq!(other.next().await.unwrap().name, "snapshot");
}

/// Behind nginx with a plain `proxy_pass`, the page was empty for half a minute.
#[tokio::test]
async fn a_proxy_is_asked_not_to_buffer_events() {
    let (_daemon, address) = with_http(&[]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {EVENTS} HTTP/1.1\r\nhost: list\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.contains("\r\n\r\n") {
        let mut piece = [0; 1024];
        let length = patiently("the answer", stream.read(&mut piece))
            .await
            .unwrap();
        assert!(length > 0, "{head}");
        head.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert!(head.contains("\r\nx-accel-buffering: no\r\n"), "{head}");
}

#[tokio::test]
async fn events_are_separate_for_each_game_and_invalid_games_are_refused() {
    let (daemon, address) = with_http(&[]).await;
    let publisher = |connection| metaserve_heartbeat::Publisher::new(connection).game("go");
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(publisher(connection).run(constant("stone")));
    let mut all = Listener::new(address, EVENTS, &[]).await.unwrap();
    while all.next().await.unwrap().data["servers"]
        .as_array()
        .unwrap()
        .is_empty()
    {}
    for (game, count) in [("go", 1), ("chess", 0)] {
        let path = format!("{EVENTS}?game={game}");
        let mut listener = Listener::new(address, &path, &[]).await.unwrap();
        let snapshot = listener.next().await.unwrap();
        let servers = snapshot.data["servers"].as_array().unwrap();
        assert_eq!(servers.len(), count, "{game}");
    }
    let refused = get(address, "/api/v1/events?game=%00", &[]).await;
    assert_eq!(
        (refused.status, &refused.json()["parameter"]),
        (400, &"game".into())
    );
}

#[tokio::test]
async fn one_listener_too_many_is_refused_and_a_stopping_daemon_ends_the_others() {
    let (mut daemon, address) = with_http(&["--max-listeners", "1"]).await;
    let mut first = Listener::new(address, EVENTS, &[]).await.unwrap();
    first.next().await.unwrap();
    let refused = get(address, EVENTS, &[]).await;
    assert_eq!(refused.status, 503);
    let reason = refused.json()["error"].to_string();
    assert!(reason.contains("--max-listeners"), "{reason}");

    daemon.signal("TERM").await;
    assert!(first.next().await.is_none());
    daemon.logged("stopped: every peer was told").await;
    assert_eq!(daemon.ended().await, Some(0));
}

#[tokio::test]
async fn a_listener_that_stops_reading_is_given_up_and_frees_its_place() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("daemon.toml");
    let settings = format!("trust-relay = ['{}']", relay.fingerprint());
    let stall_timeout = |time: &str| format!("stall-timeout = '{time}'\n{settings}");
    std::fs::write(&file, stall_timeout("200ms")).unwrap();
    let further = ["--max-listeners", "1", "--config", file.to_str().unwrap()];
    let (mut daemon, address) = with_http(&further).await;
    // 10 MB of snapshot: more than the operating system buffers for anybody.
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    for key in 0..1000_u16 {
        let [a, b] = key.to_be_bytes();
        let upsert = Upsert {
            key: key.into(),
            game: "many",
            address: ([10, 0, a, b], 7777).into(),
            heartbeat: &[0xff; 8000],
        };
        stream::write(&mut out, FromRelay::Upsert(upsert))
            .await
            .unwrap();
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stopped = socket.connect(address).await.unwrap();
    let request = format!("GET {EVENTS} HTTP/1.1\r\nhost: here\r\n\r\n");
    stopped.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    patiently("an answer", stopped.read_exact(&mut begin))
        .await
        .unwrap();
    assert_eq!(
        &begin, b"HTTP/1.1 200",
        "the listener must get the only place"
    );
    reached(address, "stall_timeout").await;

    // The next listener does read, but a busy machine may delay it for a while.
    std::fs::write(&file, stall_timeout("60s")).unwrap();
    daemon.signal("HUP").await;
    daemon.logged("--stall-timeout changed").await;
    let again = async {
        loop {
            match Listener::new(address, EVENTS, &[]).await {
                Ok(listener) => break listener,
                Err(status) => assert_eq!(status, 503),
            }
        }
    };
    let mut again = patiently("the free place", again).await;
    assert_eq!(again.next().await.unwrap().name, "snapshot");
}

#[tokio::test]
async fn all_listeners_at_one_revision_share_the_same_text() {
    let feeds = Feeds::new();
    let registry = Registry::new(10, vec![feeds.clone()]);
    let ticking = feeds.clone();
    tokio::spawn(async move { ticking.run(Duration::from_millis(20)).await });
    let feed = feeds.of(None);
    let mut listeners: Vec<_> = (0..100).map(|_| feed.subscribe(None)).collect();
    let address = ([192, 0, 2, 1], 1).into();
    let server = registry.register(&Game::default(), address, None).unwrap();
    for heartbeat in ["one", "two"] {
        server.heartbeat(Bytes::from_static(heartbeat.as_bytes()));
        let mut texts = Vec::new();
        for listener in &mut listeners {
            texts.push(listener.next().await.event());
        }
        let first = texts[0].as_ptr();
        assert!(texts.iter().all(|text| text.as_ptr() == first));
    }
}

//! The list is correct, and every change is sent once.

use crate::{
    DAEMON, FAST,
    metrics::{scrape, value},
    with_http,
};
use futures::{StreamExt, channel::mpsc};
use metaserve::{
    Role,
    protocol::relay::{FromRelay, Upsert},
    stream,
};
use metaserve_client::Subscriber;
use metaserve_heartbeat::{Identity, Publisher};
use metaserve_tests::{Daemon, Follower, RawClient, constant, known, patiently};

#[tokio::test]
async fn a_heartbeat_and_every_change_of_it_reach_the_list() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut client = Follower::new(&daemon, None).await;
    assert!(
        client.snapshot.is_empty(),
        "the first item is the list as it is: empty"
    );
    let (heartbeats, stream) = mpsc::unbounded();
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let server = tokio::spawn(metaserve_heartbeat::run(connection, stream));

    heartbeats.unbounded_send("one".to_owned()).unwrap();
    client.until_words(&["one"]).await;
    let added = client.snapshot.changes().added.clone();
    assert_eq!(added, [client.only().id]);

    heartbeats.unbounded_send("two".to_owned()).unwrap();
    client.until_words(&["two"]).await;
    assert_eq!(
        client.snapshot.changes().updated,
        added,
        "the row is updated, not replaced"
    );

    drop(heartbeats);
    client.until_words(&[]).await;
    assert_eq!(client.snapshot.changes().removed, added);
    patiently("the end of run", server).await.unwrap().unwrap();
}

#[tokio::test]
async fn games_are_separate_and_a_client_of_all_games_sees_each_with_its_tag() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    for (game, heartbeat) in [("chess", "rook"), ("go", "stone")] {
        let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await).game(game);
        tokio::spawn(publisher.run(constant(heartbeat)));
    }
    let mut all = Follower::new(&daemon, None).await;
    all.until_words(&["rook", "stone"]).await;
    let mut labels: Vec<_> = all
        .snapshot
        .servers()
        .map(|server| server.game.as_str())
        .collect();
    labels.sort_unstable();
    assert_eq!(labels, ["chess", "go"]);
    for (game, heartbeat) in [("chess", "rook"), ("go", "stone")] {
        Follower::new(&daemon, Some(game))
            .await
            .until_words(&[heartbeat])
            .await;
    }
    assert!(
        Follower::new(&daemon, Some("draughts"))
            .await
            .snapshot
            .is_empty()
    );
}

/// Lists `count` servers through one trusted relay, which stays connected until it is dropped.
async fn many_servers(daemon: &Daemon, relay: &Identity, count: u32) -> quinn::SendStream {
    let connection = daemon.connect(Role::Relay, Some(relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    for key in 0..count {
        upsert(&mut out, key, &format!("server {key}")).await;
    }
    out
}

async fn upsert(out: &mut quinn::SendStream, key: u32, heartbeat: &str) {
    let [_, a, b, c] = key.to_be_bytes();
    let address = ([10, a, b, c], 7777).into();
    let heartbeat = heartbeat.as_bytes();
    let upsert = Upsert {
        key: key.into(),
        game: "many",
        address,
        heartbeat,
    };
    stream::write(out, FromRelay::Upsert(upsert)).await.unwrap();
}

#[tokio::test]
async fn a_new_client_gets_all_5000_servers_at_once_and_a_returning_one_only_the_changes() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let trust = ["--trust-relay", &relay.fingerprint().to_string()];
    let daemon = Daemon::start(DAEMON, &[&FAST[..], &trust].concat()).await;
    let mut out = many_servers(&daemon, &relay, 5000).await;
    let mut watching = Follower::new(&daemon, Some("many")).await;
    watching
        .until("5000 servers", |snapshot| snapshot.len() == 5000)
        .await;

    let newcomer = Follower::new(&daemon, Some("many")).await;
    assert_eq!(
        newcomer.snapshot.len(),
        5000,
        "the first item is the complete list"
    );
    let left = newcomer.snapshot.clone();
    drop(newcomer);

    for key in [3, 1, 4] {
        upsert(&mut out, key, "changed").await;
    }
    let changed = |snapshot: &metaserve_client::Snapshot| {
        snapshot
            .servers()
            .filter(|server| server.heartbeat == "changed")
            .count()
            == 3
    };
    watching.until("three changes", changed).await;

    let connection = daemon.connect(Role::Client, None).await;
    let subscriber = Subscriber::new(connection)
        .game("many")
        .resume(left.clone());
    let returned = Follower::of(subscriber.run()).await;
    assert_eq!(returned.snapshot.len(), 5000);
    assert_eq!(returned.snapshot.changes().updated.len(), 3);
    assert!(returned.snapshot.changes().added.is_empty());

    // The same on the wire: a delta with those three changes and no more.
    let mut raw = RawClient::new(daemon.connect(Role::Client, None).await, None, None).await;
    assert_eq!(raw.next().await.placed.len(), 5000);
    let connection = daemon.connect(Role::Client, None).await;
    let delta = RawClient::new(connection, Some("many"), Some(known(&left)))
        .await
        .next()
        .await;
    assert_eq!(
        (delta.from, delta.updated.len()),
        (Some(left.revision()), 3)
    );
}

/// A client that had followed one game and went on with another was sent what had changed since, and
/// its list was silently wrong.
#[tokio::test]
async fn a_client_that_resumes_with_another_game_is_given_a_snapshot() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    for game in ["chess", "go"] {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(Publisher::new(connection).game(game).run(constant(game)));
    }
    let mut chess = Follower::new(&daemon, Some("chess")).await;
    chess.until_words(&["chess"]).await;
    let cursor = known(&chess.snapshot);
    let resume = async |game| {
        let connection = daemon.connect(Role::Client, None).await;
        RawClient::new(connection, game, Some(cursor))
            .await
            .next()
            .await
    };
    assert_eq!(resume(Some("chess")).await.from, Some(cursor.revision));
    for game in [Some("go"), Some("checkers"), None] {
        let message = resume(game).await;
        assert_eq!(message.from, None, "{game:?}");
        assert_ne!(message.epoch, cursor.epoch, "{game:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_heartbeat_is_not_listed_and_affects_no_other() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (notices, mut heard) = mpsc::unbounded();
    let silent = Publisher::new(daemon.connect(Role::Heartbeat, None).await)
        .on_notice(move |notice| drop(notices.unbounded_send(notice)));
    tokio::spawn(silent.run(futures::stream::pending::<Vec<u8>>()));
    for round in 0..5 {
        let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await);
        let words = format!("{round}");
        let server = tokio::spawn(publisher.run(constant(words.clone())));
        let mut client = Follower::new(&daemon, None).await;
        client.until_words(&[&words]).await;
        server.abort();
        client.until_words(&[]).await;
    }
    let notice = patiently("a notice", heard.next()).await.unwrap();
    assert_eq!(notice.kind, metaserve_heartbeat::NoticeKind::NotListed);
}

#[tokio::test]
async fn a_server_that_repeats_its_heartbeat_sends_nothing() {
    let (daemon, http) = with_http(&[]).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let (mut heartbeats, stream) = mpsc::channel(0);
    tokio::spawn(Publisher::new(connection).run(stream));
    let mut client = Follower::new(&daemon, None).await;
    let send = async |heartbeats: &mut mpsc::Sender<&'static str>, word| {
        futures::SinkExt::send(heartbeats, word).await.unwrap();
    };
    send(&mut heartbeats, "same").await;
    client.until_words(&["same"]).await;
    // Another server changes all the time. Its changes mark the intervals in which the first
    // server could have sent something.
    let numbers = futures::stream::iter((0..).map(|number: u32| number.to_string()));
    let other = daemon.connect(Role::Heartbeat, None).await;
    let other = tokio::spawn(metaserve_heartbeat::run(other, numbers));
    for _ in 0..50 {
        send(&mut heartbeats, "same").await;
        client.next().await;
    }
    other.abort();
    client.until_words(&["same"]).await;
    send(&mut heartbeats, "other").await;
    client.until_words(&["other"]).await;
    // The daemon has received everything that was sent before, and counts repeated heartbeats.
    let repeated = value(
        &scrape(http).await,
        "metaserve_heartbeats_total",
        "unchanged",
    );
    assert_eq!(repeated, 0.0);
}

#[tokio::test]
async fn the_newest_of_many_heartbeats_is_listed() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let numbers = futures::stream::iter((0..=5000).map(|number| number.to_string()));
    let server = metaserve_heartbeat::run(connection, numbers.chain(futures::stream::pending()));
    tokio::spawn(server);
    Follower::new(&daemon, None)
        .await
        .until_words(&["5000"])
        .await;
}

#[tokio::test]
async fn a_heartbeat_that_is_too_long_is_skipped_with_a_notice_and_the_next_is_listed() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (heartbeats, stream) = mpsc::unbounded();
    let (notices, mut heard) = mpsc::unbounded();
    let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await)
        .on_notice(move |notice| drop(notices.unbounded_send(notice)));
    tokio::spawn(publisher.run(stream));
    let mut client = Follower::new(&daemon, None).await;
    // The first heartbeat of a connection and a later one have the same outcome.
    for short in ["short", "short again"] {
        heartbeats.unbounded_send("x".repeat(8193)).unwrap();
        let notice = patiently("a notice", heard.next()).await.unwrap();
        assert!(
            notice.text.contains("the daemon accepts 8192"),
            "{}",
            notice.text
        );
        heartbeats.unbounded_send(short.to_owned()).unwrap();
        client.until_words(&[short]).await;
    }
}

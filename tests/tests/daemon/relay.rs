//! A relay lists servers for others if the operator trusts it, and only while it is connected.

use crate::{
    DAEMON, FAST,
    metrics::{scrape, value_of},
};
use metaserve::{
    Backoff, CloseCode, Game, Identity, Role,
    protocol::{
        codec,
        heartbeat::{FromDaemon, NoticeKind},
        relay::{FromRelay, Upsert},
    },
    stream::{self, FrameReader},
};
use metaserve_heartbeat::{Change, Listing};
use metaserve_tests::{Daemon, Follower, patiently, raw_peer};
use std::{net::SocketAddr, time::Duration};
use tokio::sync::mpsc;

fn identity() -> Identity {
    Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap()
}

async fn trusting(relay: &Identity, further: &[&str]) -> Daemon {
    let fingerprint = relay.fingerprint().to_string();
    let trust = ["--trust-relay", &fingerprint];
    Daemon::start(DAEMON, &[&FAST[..], &trust, further].concat()).await
}

fn upsert(key: u64, host: u8, heartbeat: &str) -> FromRelay<'_> {
    let address = SocketAddr::from(([192, 0, 2, host], 7777));
    FromRelay::Upsert(Upsert {
        key,
        game: "old",
        address,
        heartbeat: heartbeat.as_bytes(),
    })
}

#[tokio::test]
async fn an_untrusted_relay_is_refused_with_the_setting_to_add() {
    let daemon = trusting(&identity(), &[]).await;
    let stranger = identity();
    let connection = daemon.connect(Role::Relay, Some(&stranger)).await;
    let close = raw_peer(&connection, &stream::frame(upsert(1, 1, "forged"))).await;
    assert_eq!(close.code, CloseCode::UnauthorisedRelay);
    let line = format!("--trust-relay {}", stranger.fingerprint());
    assert!(close.reason.contains(&line), "{close}");

    let nobody = daemon.connect(Role::Relay, None).await;
    assert_eq!(
        raw_peer(&nobody, b"").await.code,
        CloseCode::UnauthorisedRelay
    );
    assert!(Follower::new(&daemon, None).await.snapshot.is_empty());
}

#[tokio::test]
async fn a_trusted_relay_lists_changes_and_removes_servers_and_the_rest_go_with_it() {
    let relay = identity();
    let daemon = trusting(&relay, &[]).await;
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    let mut client = Follower::new(&daemon, Some("old")).await;
    for key in 1..=3 {
        let words = ["one", "two", "three"][key as usize - 1];
        stream::write(&mut out, upsert(key, key as u8, words))
            .await
            .unwrap();
    }
    client.until_words(&["one", "two", "three"]).await;
    let two = client
        .snapshot
        .servers()
        .find(|server| server.heartbeat == "two")
        .unwrap()
        .id;
    assert_eq!(
        client.snapshot.get(two).unwrap().address,
        "192.0.2.2:7777".parse().unwrap()
    );

    stream::write(&mut out, upsert(2, 22, "zwei"))
        .await
        .unwrap();
    client.until_words(&["one", "zwei", "three"]).await;
    assert_eq!(
        client.snapshot.get(two).unwrap().address,
        "192.0.2.22:7777".parse().unwrap()
    );

    stream::write(&mut out, FromRelay::Remove(1)).await.unwrap();
    client.until_words(&["zwei", "three"]).await;
    drop((out, connection));
    client.until_words(&[]).await;
}

#[tokio::test]
async fn a_server_that_a_relay_may_not_list_is_refused_with_a_notice_only() {
    let relay = identity();
    let daemon = trusting(
        &relay,
        &["--max-servers-per-relay", "1", "--max-heartbeat", "10"],
    )
    .await;
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    let mut answers =
        FrameReader::new(patiently("answers", connection.accept_uni()).await.unwrap());
    patiently("a welcome", answers.next(1000)).await.unwrap();
    let mut refused = async |message: FromRelay<'_>| {
        stream::write(&mut out, message).await.unwrap();
        let answer = patiently("a notice", answers.next(1000))
            .await
            .unwrap()
            .unwrap();
        match codec::decode(&answer).unwrap() {
            FromDaemon::Notice(notice) if notice.kind == NoticeKind::Refused => {
                notice.text.to_owned()
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(
        refused(upsert(1, 1, "longer than ten"))
            .await
            .contains("at most 10")
    );
    let nowhere = Upsert {
        key: 1,
        game: "old",
        address: "0.0.0.0:1".parse().unwrap(),
        heartbeat: b"x",
    };
    assert!(
        refused(FromRelay::Upsert(nowhere))
            .await
            .contains("cannot join")
    );
    let nameless = Upsert {
        game: "",
        address: "192.0.2.1:1".parse().unwrap(),
        ..nowhere
    };
    assert!(
        refused(FromRelay::Upsert(nameless))
            .await
            .contains("game tag")
    );
    let invisible = Upsert {
        game: "o\u{202e}ld",
        ..nameless
    };
    assert!(
        refused(FromRelay::Upsert(invisible))
            .await
            .contains("it contains U+202E")
    );
    stream::write(&mut out, upsert(1, 1, "first"))
        .await
        .unwrap();
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["first"]).await;
    let connection_lives = connection.close_reason().is_none();
    assert!(connection_lives);
}

/// Players were shown servers at 0.1.2.3 and at the broadcast address.
#[tokio::test]
async fn an_address_that_nobody_can_join_is_refused_with_a_notice_and_the_rest_are_listed() {
    let relay = identity();
    let mut daemon = trusting(&relay, &["--http", "127.0.0.1:0"]).await;
    let http = daemon.http().await;
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    let mut answers =
        FrameReader::new(patiently("answers", connection.accept_uni()).await.unwrap());
    patiently("a welcome", answers.next(1000)).await.unwrap();
    let table = [
        ("0.1.2.3:5", "0.1.2.3:5"),
        ("169.254.1.1:5", "169.254.1.1:5"),
        ("240.0.0.1:5", "240.0.0.1:5"),
        ("255.255.255.255:5", "255.255.255.255:5"),
        ("192.0.2.1:0", "192.0.2.1:0"),
        ("[fe80::1]:5", "[fe80::1]:5"),
        ("[ff0e::1]:5", "[ff0e::1]:5"),
        ("[100::1]:5", "[100::1]:5"),
        ("[::ffff:255.255.255.255]:5", "255.255.255.255:5"),
        ("[64:ff9b::e000:1]:5", "[64:ff9b::e000:1]:5"),
        ("[2002:e000:1::]:5", "[2002:e000:1::]:5"),
    ];
    let at = |key, address: &str| {
        FromRelay::Upsert(Upsert {
            key,
            game: "old",
            address: address.parse().unwrap(),
            heartbeat: b"x",
        })
    };
    for (key, (address, named)) in table.into_iter().enumerate() {
        let key = key as u64;
        stream::write(&mut out, at(key, address)).await.unwrap();
        let notice = patiently("a notice", answers.next(1000)).await.unwrap();
        let notice = notice.unwrap();
        let FromDaemon::Notice(notice) = codec::decode(&notice).unwrap() else {
            panic!("{address}: {notice:?}");
        };
        let begins = format!("server {key} was refused: players cannot join at {named}: ");
        assert!(notice.text.starts_with(&begins), "{}", notice.text);
        let line = daemon.logged(&format!("notice: {begins}")).await;
        assert!(line.contains("role=relay"), "{line}");
    }
    let can_be_joined = ["127.0.0.1:5", "[::ffff:192.0.2.7]:5", "[2001:db8::1]:5"];
    for (key, address) in can_be_joined.into_iter().enumerate() {
        stream::write(&mut out, at(key as u64, address))
            .await
            .unwrap();
    }
    let mut client = Follower::new(&daemon, Some("old")).await;
    client.until_words(&["x", "x", "x"]).await;
    let mut listed: Vec<_> = client.snapshot.servers().map(|it| it.address).collect();
    listed.sort_unstable();
    let expected = ["127.0.0.1:5", "192.0.2.7:5", "[2001:db8::1]:5"];
    assert_eq!(listed, expected.map(|it| it.parse::<SocketAddr>().unwrap()));
    let counted = scrape(http).await;
    let refused = [("reason", "address")];
    let refused = value_of(&counted, "metaserve_heartbeats_rejected_total", &refused);
    assert_eq!(refused as usize, table.len());
}

#[tokio::test]
async fn a_relay_of_the_library_lists_everything_again_after_a_restart() {
    let identity = identity();
    let daemon = trusting(&identity, &["--max-heartbeat", "10"]).await;
    let connector = daemon.connector(Role::Relay, Some(&identity));
    let (change, mut changes) = mpsc::unbounded_channel();
    let (hear, mut heard) = mpsc::unbounded_channel();
    let changes = futures::stream::poll_fn(move |context| changes.poll_recv(context));
    let impatient = Backoff::new(Duration::from_millis(50), Duration::from_millis(200));
    let relay = tokio::spawn(async move {
        let relay = metaserve_heartbeat::relay(&connector)
            .backoff(impatient)
            .on_notice(move |notice| drop(hear.send(notice)));
        relay.run(changes).await
    });
    let list = |key, heartbeat: &'static str| {
        let (game, address) = (Game::new("old").unwrap(), "192.0.2.1:7777".parse().unwrap());
        let heartbeat = heartbeat.into();
        let listing = Listing {
            key,
            game,
            address,
            heartbeat,
        };
        change.send(Change::List(listing)).unwrap();
    };
    let mut client = Follower::new(&daemon, Some("old")).await;
    (1..=3).for_each(|key| list(key, "here"));
    client.until_words(&["here"; 3]).await;
    list(4, "longer than ten");
    let notice = patiently("a notice", heard.recv()).await.unwrap();
    assert_eq!(notice.kind, NoticeKind::Refused);
    assert!(notice.text.starts_with("server 4: "), "{}", notice.text);
    change.send(Change::Unlist(2)).unwrap();
    list(3, "changed");
    client.until_words(&["changed", "here"]).await;

    let trust = ["--trust-relay", &identity.fingerprint().to_string()];
    let daemon = daemon.kill_and_restart(&[&FAST[..], &trust].concat()).await;
    let mut client = Follower::new(&daemon, Some("old")).await;
    client.until_words(&["changed", "here"]).await;
    list(1, "still");
    client.until_words(&["changed", "still"]).await;
    drop(change);
    client.until_words(&[]).await;
    patiently("the end", relay).await.unwrap().unwrap();
}

//! A server with an identity has one entry, which no other can take.

use crate::{DAEMON, FAST, game_server};
use metaserve::{CloseCode, Role};
use metaserve_heartbeat::{Identity, Publisher};
use metaserve_tests::{Daemon, Follower, constant, patiently};

fn identity() -> Identity {
    Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap()
}

#[tokio::test]
async fn a_server_killed_and_restarted_at_once_keeps_one_entry() {
    // No server is removed for its silence while the test runs: the identity replaces the old
    // entry.
    let daemon = Daemon::start(DAEMON, &["--tick", "20ms", "--idle-timeout", "60s"]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut client = Follower::new(&daemon, None).await;
    let mut old = game_server(&daemon, &["old", directory.path().to_str().unwrap()]);
    let id = client
        .until_words(&["old"])
        .await
        .servers()
        .next()
        .unwrap()
        .id;
    old.kill().await.unwrap();
    let _new = game_server(&daemon, &["new", directory.path().to_str().unwrap()]);
    client.until_words(&["new"]).await;
    assert_eq!(client.only().id, id);
}

#[tokio::test]
async fn ipv4_and_ipv6_of_one_identity_are_one_entry_with_two_addresses() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let identity = identity();
    let four = daemon.connect(Role::Heartbeat, Some(&identity)).await;
    let six = daemon.connect_v6(Role::Heartbeat, Some(&identity)).await;
    tokio::spawn(Publisher::new(six).port(7777).run(constant("both")));
    let four = tokio::spawn(Publisher::new(four).port(7777).run(constant("both")));
    let mut client = Follower::new(&daemon, None).await;
    client
        .until("two addresses", |list| {
            list.servers().any(|server| server.addresses.len() == 2)
        })
        .await;
    let server = client.only();
    assert_eq!(server.address, "127.0.0.1:7777".parse().unwrap());
    assert_eq!(server.addresses[1], "[::1]:7777".parse().unwrap());
    assert_eq!(server.identity, Some(identity.fingerprint()));

    four.abort();
    client
        .until("one address", |list| {
            list.servers().any(|server| server.addresses.len() == 1)
        })
        .await;
    assert_eq!(client.only().address, "[::1]:7777".parse().unwrap());
}

#[tokio::test]
async fn an_entry_cannot_be_taken_over_without_its_key() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut client = Follower::new(&daemon, None).await;
    let owner = identity();
    let connection = daemon.connect(Role::Heartbeat, Some(&owner)).await;
    tokio::spawn(Publisher::new(connection).port(7777).run(constant("owner")));
    client.until_words(&["owner"]).await;
    let id = client.only().id;
    for stranger in [Some(identity()), None] {
        let connection = daemon.connect(Role::Heartbeat, stranger.as_ref()).await;
        let publisher = Publisher::new(connection).port(7777);
        let stranger = tokio::spawn(publisher.run(constant("stranger")));
        client.until_words(&["owner", "stranger"]).await;
        stranger.abort();
        client.until_words(&["owner"]).await;
        assert_eq!(client.only().id, id);
    }
}

#[tokio::test]
async fn a_replaced_server_is_told_why() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let identity = identity();
    let mut client = Follower::new(&daemon, None).await;
    let connection = daemon.connect(Role::Heartbeat, Some(&identity)).await;
    let old = tokio::spawn(Publisher::new(connection).run(constant("old")));
    client.until_words(&["old"]).await;
    let connection = daemon.connect(Role::Heartbeat, Some(&identity)).await;
    tokio::spawn(Publisher::new(connection).run(constant("new")));
    client.until_words(&["new"]).await;
    let error = patiently("the old one's end", old)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::Replaced));
    assert!(error.to_string().contains("identity directory"), "{error}");
}

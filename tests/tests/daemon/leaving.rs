//! A server that leaves is removed from the list, with or without a goodbye.

use crate::{DAEMON, FAST, GAME_SERVER, game_server};
use metaserve::{CloseCode, Retry, Role};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant, patiently};

#[tokio::test]
async fn a_server_that_says_goodbye_leaves_the_list_at_once() {
    // With this idle timeout, no server can be removed for its silence while the test runs.
    let daemon = Daemon::start(DAEMON, &["--tick", "20ms", "--idle-timeout", "60s"]).await;
    let mut client = Follower::new(&daemon, None).await;
    let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await);
    let ends = futures::stream::unfold(true, async |first| first.then_some(("bye", false)));
    patiently("run", publisher.run(ends)).await.unwrap();
    let dropped = tokio::spawn(metaserve_heartbeat::run(
        daemon.connect(Role::Heartbeat, None).await,
        constant("dropped"),
    ));
    client.until_words(&["dropped"]).await;
    dropped.abort();
    client.until_words(&[]).await;
}

#[tokio::test]
async fn a_killed_server_leaves_the_list_after_the_idle_timeout() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut client = Follower::new(&daemon, None).await;
    let mut server = game_server(&daemon, &["killed"]);
    client.until_words(&["killed"]).await;
    server.kill().await.expect(GAME_SERVER);
    client.until_words(&[]).await;
}

#[tokio::test]
async fn a_stopping_daemon_tells_every_peer_to_reconnect() {
    let mut daemon = Daemon::start(DAEMON, &FAST).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let server = tokio::spawn(metaserve_heartbeat::run(connection, constant("here")));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["here"]).await;

    daemon.signal("TERM").await;
    assert_eq!(daemon.ended().await, Some(0));
    let error = patiently("the end of run", server)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::ShuttingDown));
    assert_eq!(error.retry(), Retry::Soon);
    assert!(error.to_string().contains("reconnect soon"), "{error}");
    assert_eq!(
        client.end().await.close_code(),
        Some(CloseCode::ShuttingDown)
    );
    assert_eq!(
        client.snapshot.len(),
        1,
        "the list must not be emptied before the goodbye"
    );
}

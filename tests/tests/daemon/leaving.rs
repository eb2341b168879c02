//! Who leaves is off the list, with a word or without.

use crate::{DAEMON, FAST, GAME_SERVER, game_server};
use metaserve::{CloseCode, Retry, Role};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant, patiently};

#[tokio::test]
async fn a_server_that_says_goodbye_is_off_the_list_at_once() {
    // With this idle timeout nobody could be off the list by silence while the test runs.
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
async fn a_server_that_is_killed_is_off_the_list_by_its_silence() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut client = Follower::new(&daemon, None).await;
    let mut server = game_server(&daemon, &["killed"]);
    client.until_words(&["killed"]).await;
    server.kill().await.expect(GAME_SERVER);
    client.until_words(&[]).await;
}

#[tokio::test]
async fn a_daemon_that_stops_tells_everybody_to_come_back() {
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
    assert!(error.to_string().contains("come back soon"), "{error}");
    assert_eq!(
        client.end().await.close_code(),
        Some(CloseCode::ShuttingDown)
    );
    assert_eq!(
        client.snapshot.len(),
        1,
        "the list was not emptied before the goodbye"
    );
}

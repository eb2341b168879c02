//! A restart of the daemon loses nobody who maintains his connection.

use crate::{DAEMON, FAST};
use metaserve::{Backoff, Role};
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::time::Duration;

/// Quick attempts, so that the test is not spent in waiting.
fn impatient() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_millis(200))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_back_after_a_restart_and_every_list_is_complete() {
    // Nobody is found gone by silence while the test runs: the new daemon, which has the old
    // one's secret, tells the old one's peers that it is gone when they speak to it.
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut expected = Vec::new();
    for number in 0..20 {
        let connector = daemon.connector(Role::Heartbeat, None);
        let words = format!("server {number:02}");
        expected.push(words.clone());
        tokio::spawn(async move {
            let publish = metaserve_heartbeat::maintain(|| connector.connect());
            publish.backoff(impatient()).run(constant(words)).await
        });
    }
    let mut clients = Vec::new();
    for _ in 0..20 {
        let connector = daemon.connector(Role::Client, None);
        let list = metaserve_client::maintain(move || {
            let connector = connector.clone();
            async move { connector.connect().await }
        });
        clients.push(Follower::of(list.backoff(impatient()).run()).await);
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    for client in &mut clients {
        client.until_words(&expected).await;
    }
    let epoch = clients[0].snapshot.epoch();

    let _daemon = daemon.kill_and_restart(&FAST).await;
    for client in &mut clients {
        client
            .until("the new daemon", |list| list.epoch() != epoch)
            .await;
        client.until_words(&expected).await;
    }
}

/// Instead of a minute of silence: the new daemon answers what is meant for the old one.
#[tokio::test]
async fn a_daemon_that_was_killed_tells_its_peers_so_when_it_is_back() {
    let long = ["--idle-timeout", "60s"];
    let daemon = Daemon::start(DAEMON, &long).await;
    let connection = daemon.connect(Role::Client, None).await;
    let _daemon = daemon.kill_and_restart(&long).await;
    let end = patiently("the end", connection.closed()).await;
    assert_eq!(end, quinn::ConnectionError::Reset);
}

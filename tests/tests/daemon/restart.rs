//! After a restart of the daemon, every peer that maintains its connection returns.

use crate::{DAEMON, FAST};
use metaserve::{Backoff, Role};
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::time::Duration;

/// Quick attempts, so that the test does not spend its time waiting.
pub(crate) fn impatient() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_millis(200))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_peers_return_after_a_restart_and_every_list_is_complete() {
    // No peer is removed for its silence while the test runs: the new daemon has the secret of the
    // old one, and tells the old one's peers that it is gone when they send something.
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

/// The new daemon answers packets for the old one; otherwise peers would wait for a minute of
/// silence.
#[tokio::test]
async fn a_killed_daemon_resets_its_old_connections_when_it_is_back() {
    let long = ["--idle-timeout", "60s"];
    let daemon = Daemon::start(DAEMON, &long).await;
    let connection = daemon.connect(Role::Client, None).await;
    let _daemon = daemon.kill_and_restart(&long).await;
    let end = patiently("the end", connection.closed()).await;
    assert_eq!(end, quinn::ConnectionError::Reset);
}

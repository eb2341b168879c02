//! Each tick is encoded once for all followers.

use crate::{
    metrics::{scrape, value_of},
    with_http,
};
use futures::channel::mpsc;
use metaserve::Role;
use metaserve_tests::{Follower, constant, http::Listener};

const FOLLOWERS: usize = 20;
const CHANGES: usize = 10;

#[tokio::test]
async fn each_tick_is_encoded_once_for_all_clients_and_once_for_all_listeners() {
    let (daemon, address) = with_http(&[]).await;
    // The snapshot of a short list would be shorter than a delta.
    for stays in ["one that stays", "another that stays"] {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(stays)));
    }
    let (heartbeats, stream) = mpsc::unbounded();
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    heartbeats.unbounded_send("0".to_owned()).unwrap();

    let mut clients = Vec::new();
    let mut listeners = Vec::new();
    for _ in 0..FOLLOWERS {
        let mut client = Follower::new(&daemon, None).await;
        client.until("all", |list| list.len() == 3).await;
        clients.push(client);
        let listener = Listener::new(address, "/api/v1/events", &[]).await;
        let mut listener = listener.unwrap();
        listener.next().await.unwrap();
        listeners.push(listener);
    }
    let before = scrape(address).await;
    for change in 1..=CHANGES {
        heartbeats.unbounded_send(change.to_string()).unwrap();
        for client in &mut clients {
            client.next().await;
        }
        for listener in &mut listeners {
            assert_eq!(listener.next().await.unwrap().name, "delta");
        }
    }
    let after = scrape(address).await;
    let more = |metric, labels: &[(&str, &str)]| {
        (value_of(&after, metric, labels) - value_of(&before, metric, labels)) as usize
    };
    for way in ["quic", "http"] {
        for (kind, encoded) in [("delta", CHANGES), ("catch_up", 0), ("snapshot", 0)] {
            let labels = [("way", way), ("kind", kind)];
            let made = more("metaserve_frames_encoded_total", &labels);
            assert_eq!(made, encoded, "{labels:?}");
            let sent = more("metaserve_frames_sent_total", &labels);
            assert_eq!(sent, encoded * FOLLOWERS, "{labels:?}");
        }
    }
}

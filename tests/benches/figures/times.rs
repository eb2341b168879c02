//! How soon the list is right: after a restart, a heartbeat, or a server's end.

use crate::{DAEMON, newest};
use futures::stream;
use metaserve::{Connector, Role};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const GAME_SERVER: &str = env!("CARGO_BIN_EXE_game-server-under-test");

pub(crate) async fn a_restart_under_400() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let mut running = JoinSet::new();
    for server in 0..200 {
        let connector: Connector = daemon.connector(Role::Heartbeat, None);
        running.spawn(async move {
            let maintain = metaserve_heartbeat::maintain(|| connector.connect());
            drop(
                maintain
                    .on_status(|_| ())
                    .run(constant(format!("{server}")))
                    .await,
            );
        });
    }
    let mut clients = Vec::new();
    for _ in 0..200 {
        let connector = daemon.connector(Role::Client, None);
        let list = metaserve_client::maintain(move || {
            let connector = connector.clone();
            async move { connector.connect().await }
        });
        clients.push(Follower::of(list.on_status(|_| ()).run()).await);
    }
    for client in &mut clients {
        client.until("200", |list| list.len() == 200).await;
    }
    let epoch = clients[0].snapshot.epoch();
    let start = Instant::now();
    let daemon = daemon.kill_and_restart(&[]).await;
    println!("daemon killed and back in {:.1?}", start.elapsed());
    let mut slowest = Duration::ZERO;
    for client in &mut clients {
        client
            .until("200 again", |list| {
                list.epoch() != epoch && list.len() == 200
            })
            .await;
        slowest = slowest.max(start.elapsed());
    }
    println!(
        "200 servers and 200 clients: all reconnected, every list complete {slowest:.1?} after the kill"
    );
    drop(daemon);
}

pub(crate) async fn freshness() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let start = Instant::now();
    let every = tokio::time::interval(Duration::from_millis(100));
    let heartbeats = stream::unfold(every, move |mut every| async move {
        every.tick().await;
        Some((start.elapsed().as_millis().to_string(), every))
    });
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let sent = connection.clone();
    let server = tokio::spawn(metaserve_heartbeat::run(connection, heartbeats));
    let mut client = Follower::new(&daemon, None).await;
    client.until("the server", |list| list.len() == 1).await;
    let mut oldest = Duration::ZERO;
    let mut items = 0;
    let begin = start.elapsed();
    while start.elapsed() < begin + Duration::from_secs(15) {
        let shown = Duration::from_millis(newest(&client.snapshot));
        client.next().await;
        // The age of the shown heartbeat when it was replaced.
        oldest = oldest.max(start.elapsed() - shown);
        items += 1;
    }
    println!(
        "a heartbeat each 100 ms: {items} items in 15 s, the list's data never older than \
         {oldest:.2?}; {} stream frames sent",
        sent.stats().frame_tx.stream
    );
    server.abort();

    let connection = daemon.connect(Role::Heartbeat, None).await;
    let same = stream::unfold(
        tokio::time::interval(Duration::from_millis(100)),
        |mut every| async {
            every.tick().await;
            Some(("same", every))
        },
    );
    tokio::spawn(Publisher::new(connection.clone()).run(same));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = connection.stats();
    tokio::time::sleep(Duration::from_secs(12)).await;
    let after = connection.stats();
    println!(
        "the same heartbeat each 100 ms: in 12 s {} stream frames, {} datagrams (keep-alives)",
        after.frame_tx.stream - before.frame_tx.stream,
        after.udp_tx.datagrams - before.udp_tx.datagrams
    );
}

pub(crate) async fn leaving() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let mut client = Follower::new(&daemon, None).await;
    let polite = tokio::spawn(
        Publisher::new(daemon.connect(Role::Heartbeat, None).await).run(constant("polite")),
    );
    client.until_words(&["polite"]).await;
    let start = Instant::now();
    polite.abort();
    client.until_words(&[]).await;
    println!(
        "a server that says goodbye leaves the list {:.2?} later",
        start.elapsed()
    );

    let mut killed = tokio::process::Command::new(GAME_SERVER)
        .args([
            daemon.address.to_string(),
            daemon.fingerprint.to_string(),
            "killed".into(),
        ])
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    client.until_words(&["killed"]).await;
    let start = Instant::now();
    killed.kill().await.unwrap();
    client.until_words(&[]).await;
    println!(
        "a server that is killed leaves the list {:.1?} later",
        start.elapsed()
    );
}

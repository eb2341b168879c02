//! The cost of many servers and clients: memory, bytes and frames.

use crate::{DAEMON, newest, number};
use futures::{StreamExt, stream};
use metaserve::Role;
use metaserve_client::Subscriber;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, FROM_ONE_ADDRESS, Follower, RawClient, constant, http::get, known};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Servers whose heartbeats are one common number, padded to 200 bytes, each with its own
/// connection. If `changing`, the number changes every second while the set is held.
async fn servers(daemon: &Daemon, count: usize, changing: bool) -> JoinSet<()> {
    let connector = daemon.connector(Role::Heartbeat, None);
    let mut servers = JoinSet::new();
    let round = Arc::new(AtomicU64::new(0));
    if changing {
        let round = round.clone();
        servers.spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            loop {
                second.tick().await;
                round.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for server in 0..count {
        let connection = connector.connect().await.unwrap();
        let round = round.clone();
        let every = Duration::from_secs(if changing { 1 } else { 3600 });
        let heartbeats = stream::unfold(tokio::time::interval(every), move |mut interval| {
            let round = round.clone();
            async move {
                interval.tick().await;
                let round = round.load(Ordering::Relaxed);
                Some((format!("{round} {server:0196}"), interval))
            }
        });
        servers.spawn(async move {
            let publisher = Publisher::new(connection).game("bench");
            drop(publisher.run(heartbeats).await);
        });
    }
    servers
}

pub(crate) async fn joining_a_list_of_5000() {
    let daemon = Daemon::start(DAEMON, &FROM_ONE_ADDRESS).await;
    let empty = daemon.memory_bytes();
    let start = Instant::now();
    let _servers = servers(&daemon, 5000, false).await;
    let mut watching = Follower::new(&daemon, None).await;
    watching.until("5000", |list| list.len() == 5000).await;
    println!(
        "5,000 servers connected and listed in {:.1?}; daemon {:.1} MB, {:.1} KB a server",
        start.elapsed(),
        megabytes(daemon.memory_bytes()),
        (daemon.memory_bytes() - empty) as f64 / 5000.0 / 1000.0
    );

    let start = Instant::now();
    let newcomer = Follower::new(&daemon, None).await;
    let complete = newcomer.snapshot.len();
    println!(
        "newcomer: first item has {complete} servers, {:.1?} after the first packet",
        start.elapsed()
    );
    let mut raw = RawClient::new(daemon.connect(Role::Client, None).await, None, None).await;
    let first = raw.next().await;
    println!(
        "newcomer by hand: first message {:?} with {} servers",
        first.from,
        first.placed.len()
    );

    let left = newcomer.snapshot.clone();
    drop(newcomer);
    let changed = Publisher::new(daemon.connect(Role::Heartbeat, None).await).game("bench");
    tokio::spawn(changed.run(constant("0 new")));
    watching.until("5001", |list| list.len() == 5001).await;
    let connection = daemon.connect(Role::Client, None).await;
    let received = connection.stats().udp_rx.bytes;
    let returned = Follower::of(
        Subscriber::new(connection.clone())
            .resume(left.clone())
            .run(),
    )
    .await;
    println!(
        "returned: {} servers, {:?} added, {} updated; {} bytes received after the handshake",
        returned.snapshot.len(),
        returned.snapshot.changes().added.len(),
        returned.snapshot.changes().updated.len(),
        connection.stats().udp_rx.bytes - received
    );
    let mut raw = RawClient::new(
        daemon.connect(Role::Client, None).await,
        None,
        Some(known(&left)),
    )
    .await;
    let message = raw.next().await;
    println!(
        "returned by hand: from {:?}, {} placed",
        message.from == Some(left.revision()),
        message.placed.len()
    );
}

pub(crate) async fn a_client_that_stops_reading() {
    let daemon = Daemon::start(DAEMON, &FROM_ONE_ADDRESS).await;
    let _servers = servers(&daemon, 1000, true).await;
    let mut reading = Follower::new(&daemon, None).await;
    reading.until("1000", |list| list.len() == 1000).await;
    let mut lazy = Follower::new(&daemon, None).await;
    let mut stopped = RawClient::new(daemon.connect(Role::Client, None).await, None, None).await;
    stopped.next().await;
    let before = daemon.memory_bytes();
    let start = Instant::now();
    let (mut items, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
    let mut most = before;
    while start.elapsed() < Duration::from_secs(30) {
        reading.next().await;
        items += 1;
        longest = longest.max(last.elapsed());
        last = Instant::now();
        most = most.max(daemon.memory_bytes());
    }
    let truth = newest(&reading.snapshot);
    println!(
        "30 s without reading, 1,000 changes a second: daemon {:.1} MB before, {:.1} MB after, \
         at most {:.1} MB; another client had {items} items, at most {longest:.1?} apart",
        megabytes(before),
        megabytes(daemon.memory_bytes()),
        megabytes(most)
    );
    lazy.next().await;
    println!(
        "a client that did not poll: its next item is at round {}, the current one is {truth}",
        newest(&lazy.snapshot)
    );
    let message = stopped.next().await;
    let round = message
        .placed
        .iter()
        .map(|server| number(&server.heartbeat))
        .max();
    println!(
        "a client that did not read: {} resets, its next message is {} at round {round:?}, the current one is {truth}",
        stopped.resets,
        if message.from.is_none() {
            "a snapshot"
        } else {
            "a delta"
        }
    );
}

/// Clients over QUIC and listeners over HTTP on the same list of 500 servers, of which 20 change
/// every second.
pub(crate) async fn one_thousand_of_each() {
    let mut daemon = Daemon::start(
        DAEMON,
        &[&FROM_ONE_ADDRESS[..], &["--http", "127.0.0.1:0"]].concat(),
    )
    .await;
    let http = daemon.http().await;
    let _staying = servers(&daemon, 480, false).await;
    let _changing = servers(&daemon, 20, true).await;
    let connector = daemon.connector(Role::Client, None);
    let mut followers = JoinSet::new();
    for _ in 0..1000 {
        let mut list = metaserve_client::run(connector.connect().await.unwrap());
        followers.spawn(async move { while list.next().await.is_some() {} });
        let mut listener = TcpStream::connect(http).await.unwrap();
        let request = b"GET /api/v1/events HTTP/1.1\r\nhost: here\r\n\r\n";
        listener.write_all(request).await.unwrap();
        followers.spawn(async move {
            let mut bytes = vec![0; 64 * 1024];
            while listener.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        });
    }
    // Until all of them have their snapshots.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = metrics(http).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after = metrics(http).await;
    let more = |series: &str| after[series] - before[series];
    println!(
        "1,000 clients and 1,000 listeners, 20 changes a second: {} ticks in 10 s, {:.2} ms each",
        more("tick_seconds_count"),
        1000.0 * more("tick_seconds_sum") / more("tick_seconds_count")
    );
    for way in ["quic", "http"] {
        let of = |metric: &str, kind: &str| {
            let labels = [format!("kind=\"{kind}\""), format!("way=\"{way}\"")];
            let series = after.keys().find(|series| {
                series.starts_with(metric) && labels.iter().all(|label| series.contains(label))
            });
            more(series.unwrap())
        };
        println!(
            "  {way}: {} deltas and {} catch-ups encoded, {} and {} sent, {:.1} MB",
            of("frames_encoded", "delta"),
            of("frames_encoded", "catch_up"),
            of("frames_sent", "delta"),
            of("frames_sent", "catch_up"),
            more(&format!("sent_bytes_total{{way=\"{way}\"}}")) / 1e6
        );
    }
    println!("  daemon {:.1} MB", megabytes(daemon.memory_bytes()));
}

/// All series of the daemon's metrics, without their common prefix.
async fn metrics(http: SocketAddr) -> HashMap<String, f64> {
    let text = get(http, "/metrics", &[]).await.body;
    let text = std::str::from_utf8(&text).unwrap();
    let lines = text.lines().filter_map(|it| it.strip_prefix("metaserve_"));
    lines
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        })
        .collect()
}

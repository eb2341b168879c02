//! What servers cost that are announced over HTTP, beside as many over QUIC: `cargo bench -p
//! metaserve-tests --bench announce`. Takes about four minutes and 10,000 ports.
//!
//! 10,000 servers change once in 20 s. Over HTTP each change is an announcement, on a connection of
//! its own as from curl, or on connections that are kept as from a proxy. The bench measures the
//! daemon's processor time and memory.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a figure that cannot be measured is a failure"
)]

use futures::{StreamExt, stream};
use metaserve::{Role, time::every};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, FROM_ONE_ADDRESS, Follower,
    http::{Connection, get},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::task::JoinSet;

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");
const SERVERS: u16 = 10_000;
const CHANGE_EVERY: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(40);
/// Each announces its part of the servers, one after the other.
const ANNOUNCERS: u16 = 50;
const HEADERS: [(&str, &str); 2] = [
    ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ("content-type", "application/json"),
];

fn words(server: u16, change: u32) -> String {
    format!(
        r#"{{"name":"server {server}","map":"q3dm17","players":{},"max_players":16}}"#,
        change % 16
    )
}

/// Announces a part of the servers, evenly over the interval. It never ends.
async fn announce(http: SocketAddr, part: u16, keeps: bool) {
    let each = SERVERS / ANNOUNCERS;
    let mut ticks = every(CHANGE_EVERY / u32::from(each));
    // From addresses of its own, since each has only so many ports for connections that have ended.
    let from = IpAddr::from([127, 20, 0, u8::try_from(part).unwrap() + 1]);
    let connect = async || Connection::from(from, http).await.unwrap();
    let mut connection = connect().await;
    for change in 0.. {
        for server in part * each..(part + 1) * each {
            ticks.tick().await;
            if !keeps {
                connection = connect().await;
            }
            let path = format!("/api/v1/servers/announced/{}", server + 1);
            let body = words(server, change);
            let sent = connection
                .send(hyper::Method::PUT, &path, &HEADERS, body)
                .await;
            assert!(sent.unwrap().status < 300);
        }
    }
}

/// The daemon's processor time so far, in seconds.
async fn cpu(http: SocketAddr) -> f64 {
    let metrics = get(http, "/metrics", &[]).await.body;
    let text = String::from_utf8(metrics.to_vec()).unwrap();
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix("process_cpu_seconds_total "));
    line.unwrap().parse().unwrap()
}

/// Starts a daemon, has all servers come, and prints what they cost it.
async fn measured(what: &str, come: impl AsyncFnOnce(&Daemon, SocketAddr) -> JoinSet<()>) {
    let on = [
        "--announce",
        "on",
        "--http",
        "127.0.0.1:0",
        "--log",
        "error",
    ];
    let rate = [
        "--announces-per-prefix",
        "100000",
        "--announces-at-once",
        "100000",
    ];
    let settings = [&on[..], &rate, &["--threads", "1"], &FROM_ONE_ADDRESS].concat();
    let mut daemon = Daemon::start(DAEMON, &settings).await;
    let http = daemon.http().await;
    let before = daemon.memory_bytes();
    let _servers = come(&daemon, http).await;
    let mut client = Follower::new(&daemon, None).await;
    client
        .until("all", |list| list.len() == usize::from(SERVERS))
        .await;
    drop(client);
    let memory = daemon.memory_bytes() - before;
    let begun = cpu(http).await;
    tokio::time::sleep(MEASURED).await;
    let cores = (cpu(http).await - begun) / MEASURED.as_secs_f64();
    println!(
        "{what:40} {cores:.4} cores, {:5.1} µs for each server and second, {:.0} µs for each change; {:.1} KB for each server",
        cores * 1e6 / f64::from(SERVERS),
        cores * 1e6 / f64::from(SERVERS) * CHANGE_EVERY.as_secs_f64(),
        memory as f64 / 1e3 / f64::from(SERVERS),
    );
}

async fn over_http(http: SocketAddr, keeps: bool) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for part in 0..ANNOUNCERS {
        tasks.spawn(announce(http, part, keeps));
    }
    tasks
}

async fn over_quic(daemon: &Daemon) -> JoinSet<()> {
    let connector = daemon.connector(Role::Heartbeat, None);
    let mut tasks = JoinSet::new();
    for server in 0..SERVERS {
        let connection = connector.connect().await.unwrap();
        let heartbeats = stream::unfold(0, move |change| async move {
            if change > 0 {
                tokio::time::sleep(CHANGE_EVERY).await;
            }
            Some((words(server, change), change + 1))
        });
        tasks.spawn(async move {
            let publisher = Publisher::new(connection).game("announced");
            publisher.run(heartbeats.boxed()).await.unwrap();
        });
    }
    tasks
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    for _ in 0..2 {
        measured(
            "announced, a connection for each change",
            async |_, http| over_http(http, false).await,
        )
        .await;
        measured("announced over kept connections", async |_, http| {
            over_http(http, true).await
        })
        .await;
        measured("over QUIC", async |daemon, _| over_quic(daemon).await).await;
    }
}

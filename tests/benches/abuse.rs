//! How abuse affects honest peers: `cargo bench -p metaserve-tests --bench abuse`. Takes about two
//! minutes.
//!
//! Twenty servers change their heartbeat twice a second, and ten clients follow. The bench
//! measures how old a heartbeat is when it arrives, without abuse and under each kind of abuse,
//! which lasts ten seconds and is as fast as one thread can make it. Everything shares one
//! machine, so part of the effect is the attacker's own work.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a figure that cannot be measured is a failure"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use futures::{FutureExt, stream};
use metaserve::{
    Role,
    protocol::heartbeat::{FromServer, Hello},
    stream::frame,
    tls::client_config,
    transport,
};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, FROM_ONE_ADDRESS, Flood, Follower, RawClient, flood, http::Connection, raw_peer, say,
};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");
const SERVERS: usize = 20;
const CLIENTS: usize = 10;
const CHANGE_EVERY: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(10);
const FAST: [&str; 4] = ["--tick", "20ms", "--min-interval", "20ms"];

/// The ages of heartbeats at their arrival, while they are counted.
#[derive(Default)]
struct Ages {
    counting: AtomicBool,
    seen: Mutex<Vec<Duration>>,
}

/// Honest servers and clients. Dropping them ends them.
async fn honest(daemon: &Daemon, ages: &Arc<Ages>) -> JoinSet<()> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let connector = daemon.connector(Role::Heartbeat, None);
    for server in 0..SERVERS {
        let connection = connector.connect().await.unwrap();
        let heartbeats = stream::unfold(server, move |server| async move {
            tokio::time::sleep(CHANGE_EVERY).await;
            let now = start.elapsed().as_micros();
            Some((format!("{server} {now}"), server))
        });
        let publisher = Publisher::new(connection).game("honest");
        tasks.spawn(async move {
            publisher.run(Box::pin(heartbeats)).await.unwrap();
        });
    }
    for _ in 0..CLIENTS {
        let mut client = Follower::new(daemon, Some("honest")).await;
        let ages = ages.clone();
        tasks.spawn(async move {
            let mut newest = HashMap::new();
            loop {
                let list = client.next().await.clone();
                let now = start.elapsed();
                for server in list.servers() {
                    let text = std::str::from_utf8(&server.heartbeat).unwrap();
                    let (server, said) = text.split_once(' ').unwrap();
                    let said = Duration::from_micros(said.parse().unwrap());
                    let before = newest.insert(server.to_owned(), said);
                    if before != Some(said) && ages.counting.load(Ordering::Relaxed) {
                        ages.seen.lock().unwrap().push(now.saturating_sub(said));
                    }
                }
            }
        });
    }
    tasks
}

/// Counts for a while during `abuse`, which ends when it is told that the time is over.
async fn measured(what: &str, daemon: &Daemon, ages: &Ages, abuse: impl AsyncFnOnce(&AtomicU64)) {
    let done = AtomicU64::new(0);
    ages.seen.lock().unwrap().clear();
    ages.counting.store(true, Ordering::Relaxed);
    let abuse = abuse(&done);
    tokio::select! {
        () = abuse => {}
        () = tokio::time::sleep(MEASURED) => {}
    }
    ages.counting.store(false, Ordering::Relaxed);
    let mut seen = std::mem::take(&mut *ages.seen.lock().unwrap());
    seen.sort_unstable();
    let at = |share: f64| seen[((seen.len() - 1) as f64 * share) as usize];
    println!(
        "{what:58} p50 {:6.1?} p99 {:6.1?} longest {:6.1?}; {:5.1} MB; {} done",
        at(0.5),
        at(0.99),
        at(1.0),
        daemon.memory_bytes() as f64 / 1e6,
        done.load(Ordering::Relaxed),
    );
}

/// A hello and a thousand heartbeats of 200 bytes.
fn rapid_heartbeats() -> Vec<u8> {
    let hello = Hello {
        game: "flood",
        port: None,
    };
    let mut bytes = frame(FromServer::Hello(hello)).to_vec();
    for number in 0..1000 {
        let text = format!("{number:0200}");
        bytes.extend(frame(FromServer::Heartbeat(text.as_bytes())));
    }
    bytes
}

/// Announces a server as fast as it is answered: at first until the rate is exceeded.
async fn announce(http: SocketAddr, port: u16, done: &AtomicU64) {
    let headers = [
        ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
        ("content-type", "application/json"),
    ];
    let path = format!("/api/v1/servers/flood/{}", port + 1);
    let mut connection = Connection::from(Ipv4Addr::LOCALHOST.into(), http)
        .await
        .unwrap();
    for number in 0.. {
        let body = format!("{number:0200}");
        let sent = connection
            .send(hyper::Method::PUT, &path, &headers, body)
            .await;
        done.fetch_add(1, Ordering::Relaxed);
        // A refusal that comes before the body was read ends the connection.
        if sent.is_err() {
            let again = Connection::from(Ipv4Addr::LOCALHOST.into(), http);
            connection = again.await.unwrap();
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let http = ["--http", "127.0.0.1:0", "--announce", "on"];
    let settings = [&FAST[..], &http, &FROM_ONE_ADDRESS].concat();
    let mut daemon = Daemon::start(DAEMON, &settings).await;
    let http = daemon.http().await;
    let daemon = Arc::new(daemon);
    let ages = Arc::new(Ages::default());
    let _honest = honest(&daemon, &ages).await;
    let calm = async |_: &AtomicU64| std::future::pending().await;
    measured("calm", &daemon, &ages, calm).await;

    let floods: Arc<Mutex<Vec<Flood>>> = Arc::default();
    let (stop, begun) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let flooding = {
        let (daemon, floods) = (daemon.clone(), floods.clone());
        let (stop, begun) = (stop.clone(), begun.clone());
        tokio::task::spawn_blocking(move || {
            while !stop.load(Ordering::Relaxed) {
                let some = flood(&daemon, 50);
                begun.fetch_add(50, Ordering::Relaxed);
                let mut floods = floods.lock().unwrap();
                floods.push(some);
                // Few sockets are kept; the amplification is measured on the last ones.
                if floods.len() > 10 {
                    floods.remove(0);
                }
            }
        })
    };
    let what = "first packets without a handshake (one thread)";
    measured(what, &daemon, &ages, async |done| {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            done.store(begun.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    flooding.await.unwrap();
    let floods = std::mem::take(&mut *floods.lock().unwrap());
    let greatest = floods
        .iter()
        .map(|it| it.amplification().0)
        .fold(0.0, f64::max);
    println!("{:58} {greatest:.2} bytes back for each sent, at most", "");

    let connector = daemon.connector(Role::Client, None);
    measured(
        "handshakes, completed and closed (16 at a time)",
        &daemon,
        &ages,
        async |done| {
            let worker = async || {
                loop {
                    if let Ok(connection) = connector.connect().await {
                        connection.close(0_u32.into(), b"");
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            };
            futures::future::join_all((0..16).map(|_| worker())).await;
        },
    )
    .await;
    measured(
        "garbage on new connections (8 at a time)",
        &daemon,
        &ages,
        async |done| {
            let worker = async || {
                loop {
                    let connection = connector.connect().await.unwrap();
                    raw_peer(&connection, b"GET / HTTP/1.1\r\n\r\n").await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            };
            futures::future::join_all((0..8).map(|_| worker())).await;
        },
    )
    .await;
    let servers = daemon.connector(Role::Heartbeat, None);
    measured(
        "heartbeats as fast as possible, until refused (8 at a time)",
        &daemon,
        &ages,
        async |done| {
            let worker = async || {
                loop {
                    let connection = servers.connect().await.unwrap();
                    raw_peer(&connection, &rapid_heartbeats()).await;
                    done.fetch_add(1000, Ordering::Relaxed);
                }
            };
            futures::future::join_all((0..8).map(|_| worker())).await;
        },
    )
    .await;
    measured(
        "100,000 streams requested (8 peers)",
        &daemon,
        &ages,
        async |done| {
            let worker = async || {
                let connection = connector.connect().await.unwrap();
                let _one = say(&connection, b"").await;
                loop {
                    for _ in 0..1000 {
                        let opened = connection.open_bi().now_or_never();
                        // The daemon closes the connection in the end, because it says nothing.
                        assert!(!matches!(opened, Some(Ok(_))));
                    }
                    done.fetch_add(1000, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            };
            futures::future::join_all((0..8).map(|_| worker())).await;
        },
    )
    .await;
    let mut config = client_config(Role::Client, &daemon.trust(), None).unwrap();
    let mut none = transport::client(Role::Client);
    none.receive_window(0_u32.into());
    config.transport_config(Arc::new(none));
    let endpoint = metaserve::client_endpoint().unwrap();
    let mut mute = Vec::new();
    measured(
        "1,000 clients that read nothing",
        &daemon,
        &ages,
        async |done| {
            for _ in 0..1000 {
                let connecting = endpoint.connect_with(config.clone(), daemon.address, "localhost");
                let connection = connecting.unwrap().await.unwrap();
                mute.push(RawClient::new(connection, None, None).await);
                done.fetch_add(1, Ordering::Relaxed);
            }
            std::future::pending().await
        },
    )
    .await;
    drop(mute);
    let mover = daemon.connector(Role::Client, None);
    let _moving = mover.connect().await.unwrap();
    measured("a new address every 10 ms", &daemon, &ages, async |done| {
        loop {
            let socket = std::net::UdpSocket::bind("[::]:0").unwrap();
            mover.endpoint().rebind(socket).unwrap();
            done.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let what = "announcements over HTTP, nearly all refused (8 at a time)";
    measured(what, &daemon, &ages, async |done| {
        futures::future::join_all((0..8).map(|port| announce(http, port, done))).await;
    })
    .await;
    measured("calm again", &daemon, &ages, calm).await;
}

//! A list under a flood, by the pure rules in full and with real connections: `cargo bench -p
//! metaserve-tests --bench flood`. Takes about five minutes and 5,000 open files.
//!
//! 20,000 connections from 203 addresses come to a daemon with 8,000 places, then 1,800 servers or
//! clients from as many other addresses. The bench measures how many of those are served, how old
//! a change is when it arrives, and how much memory the daemon uses. `METASERVE_FLOOD_DAEMON=PATH`
//! tries another daemon, such as an older one.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a figure that cannot be measured is a failure"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use futures::{StreamExt, stream};
use metaserve::{Connector, Limits, Role, bounds::Trusted};
use metaserve_client::Subscriber;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, Follower, constant,
    crowd::{Arrival, Crowd, FLOOD, FLOOD_ADDRESSES, REAL, simulate},
    dropped, run,
};
use std::{
    net::{IpAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinSet};

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");
const CONNECTIONS: usize = 20_000;
/// The attempts of each real peer, one after the other.
const ATTEMPTS: usize = 5;
const CHANGES: usize = 200;
const CHANGE_EVERY: Duration = Duration::from_millis(100);

fn simulated() {
    println!("by the pure rules: {FLOOD} connections from {FLOOD_ADDRESSES} addresses");
    let limits = Limits::default();
    for arrival in [Arrival::RealLast, Arrival::RealFirst, Arrival::Random(7)] {
        let crowd = Crowd::everywhere(FLOOD);
        let (mut begun, mut nanos) = (Instant::now(), Vec::new());
        let part = FLOOD / 4;
        let outcome = simulate(&crowd, arrival, &limits, &Trusted::default(), |at| {
            if at % part == part - 1 {
                nanos.push(begun.elapsed().as_nanos() / part as u128);
                begun = Instant::now();
            }
        });
        println!("{arrival:?}: {outcome:?}; ns per connection in each quarter: {nanos:?}");
    }
}

/// A connector from one loopback address.
fn connector(daemon: &Daemon, role: Role, address: IpAddr) -> Connector {
    let connector = daemon.connector(role, None);
    let socket = UdpSocket::bind((address, 0)).unwrap();
    connector.endpoint().rebind(socket).unwrap();
    connector
}

/// The work of an admitted peer, until its connection ends.
async fn take_part(connection: quinn::Connection, role: Role, game: &'static str) {
    match role {
        Role::Client => {
            let mut list = Subscriber::new(connection).game("measured").run();
            while let Some(Ok(_)) = list.next().await {}
        }
        _ => {
            let publisher = Publisher::new(connection).game(game);
            let _ = publisher.on_notice(|_| {}).run(constant(game)).await;
        }
    }
}

/// Connects from each address, one connection after the other.
async fn flood(daemon: &Arc<Daemon>, role: Role, each: usize, pause: Duration) -> JoinSet<()> {
    let mut coming = JoinSet::new();
    let (peers, mut arrived) = mpsc::unbounded_channel();
    for at in 0..FLOOD_ADDRESSES {
        let address = [127, 20 + u8::try_from(at).unwrap(), 7, 7].into();
        let (connector, peers) = (connector(daemon, role, address), peers.clone());
        coming.spawn(async move {
            for _ in 0..each {
                // Many are refused, and a few attempts fail.
                if let Ok(connection) = connector.connect().await {
                    let _ = peers.send((connection, connector.clone()));
                }
                tokio::time::sleep(pause).await;
            }
        });
    }
    drop(peers);
    let mut there = JoinSet::new();
    // Ends when all attempts have been made.
    while let Some((connection, connector)) = arrived.recv().await {
        there.spawn(async move {
            take_part(connection, role, "flood").await;
            drop(connector);
        });
    }
    there
}

/// Connects like `maintain` in the libraries: an attempt whose packets are all lost is followed by
/// another. Also returns the number of failed attempts.
async fn persistently(connector: &Connector) -> (Option<quinn::Connection>, usize) {
    for failed in 0..ATTEMPTS {
        match connector.connect().await {
            Ok(connection) => return (Some(connection), failed),
            Err(error) => println!("  an attempt failed: {error}"),
        }
    }
    (None, ATTEMPTS)
}

/// Real peers, each from its own address, and the number of those that are connected.
async fn real(daemon: &Arc<Daemon>, role: Role) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let there = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut connecting = stream::iter(0..REAL)
        .map(|at| {
            let [net, around] = [at % 250 + 2, 100 + at / 250].map(|it| u8::try_from(it).unwrap());
            let connector = connector(daemon, role, [127, net, around, 1].into());
            async move { (persistently(&connector).await, connector) }
        })
        .buffer_unordered(64);
    let mut again = 0;
    while let Some(((connection, failed), connector)) = connecting.next().await {
        again += failed;
        let Some(connection) = connection else {
            continue;
        };
        let there = there.clone();
        there.fetch_add(1, Ordering::Relaxed);
        tasks.spawn(async move {
            take_part(connection, role, "real").await;
            there.fetch_sub(1, Ordering::Relaxed);
            drop(connector);
        });
    }
    println!("  {again} attempts of real peers failed and were repeated");
    (tasks, there)
}

/// A server that changes, and a client that follows it.
struct Probe {
    say: mpsc::UnboundedSender<String>,
    client: Follower,
    _server: JoinSet<()>,
}

impl Probe {
    async fn new(daemon: &Daemon) -> Self {
        let (say, heard) = mpsc::unbounded_channel::<String>();
        let heartbeats = stream::unfold(heard, async |mut heard| {
            heard.recv().await.map(|said| (said, heard))
        });
        let connection = daemon.connect(Role::Heartbeat, None).await;
        let publisher = Publisher::new(connection).game("measured");
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _ = publisher.run(Box::pin(heartbeats)).await;
        });
        say.send("begin".into()).unwrap();
        let mut client = Follower::new(daemon, Some("measured")).await;
        client.until_words(&["begin"]).await;
        Self {
            say,
            client,
            _server: server,
        }
    }

    /// The age of a change when it arrives: the median and the 99th percentile.
    async fn ages(&mut self) -> (Duration, Duration) {
        let mut ages = Vec::new();
        for at in 0..CHANGES {
            let (word, begun) = (at.to_string(), Instant::now());
            self.say.send(word.clone()).unwrap();
            self.client.until_words(&[&word]).await;
            ages.push(begun.elapsed());
            tokio::time::sleep(CHANGE_EVERY).await;
        }
        ages.sort_unstable();
        (ages[CHANGES / 2], ages[CHANGES * 99 / 100])
    }
}

async fn start() -> Arc<Daemon> {
    let other = std::env::var("METASERVE_FLOOD_DAEMON");
    let daemon: &str = other.map_or(DAEMON, |path| path.leak());
    let mut settings = vec!["--tick", "20ms", "--min-interval", "20ms", "--log", "error"];
    settings.extend(["--max-connections", "8000"]);
    // Loopback must count like the internet here; an older daemon has no such setting.
    if run(daemon, &["--help"])
        .await
        .output
        .contains("--trusted-prefix")
    {
        settings.extend(["--trusted-prefix", "none"]);
    }
    Arc::new(Daemon::start(daemon, &settings).await)
}

async fn with_connections(role: Role) {
    println!("\n{role}s: {CONNECTIONS} connections from {FLOOD_ADDRESSES} addresses, 8,000 places");
    let megabytes = |daemon: &Daemon| daemon.memory_bytes() / 1_000_000;
    let calm = start().await;
    let mut probe = Probe::new(&calm).await;
    let (_tasks, there) = real(&calm, role).await;
    let (median, p99) = probe.ages().await;
    println!(
        "without a flood: {} of {REAL} are served; a change takes {median:.1?}, p99 {p99:.1?}; {} MB",
        there.load(Ordering::Relaxed),
        megabytes(&calm),
    );
    drop((probe, _tasks, calm));

    let daemon = start().await;
    // The probe connects first: in a daemon that does not share places it could not connect later.
    let mut probe = Probe::new(&daemon).await;
    let begun = Instant::now();
    let each = CONNECTIONS.div_ceil(FLOOD_ADDRESSES);
    let _flood = flood(&daemon, role, each, Duration::ZERO).await;
    println!(
        "the flood arrived in {:.0?}; {} MB",
        begun.elapsed(),
        megabytes(&daemon)
    );
    let (begun, dropped_before) = (Instant::now(), dropped());
    let (_tasks, there) = real(&daemon, role).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!(
        "then the real peers arrived in {:.0?}, while the kernel dropped {} datagrams: {} of {REAL} are served; \
         {} MB",
        begun.elapsed(),
        dropped() - dropped_before,
        there.load(Ordering::Relaxed),
        megabytes(&daemon),
    );
    // About 100 more connections of the flood per second, while changes are measured.
    let knocking = tokio::spawn({
        let daemon = daemon.clone();
        async move { drop(flood(&daemon, role, 20, Duration::from_secs(2)).await) }
    });
    let (median, p99) = probe.ages().await;
    println!(
        "while more of the flood arrive: a change takes {median:.1?}, p99 {p99:.1?}; {} of {REAL} are served; \
         {} MB",
        there.load(Ordering::Relaxed),
        megabytes(&daemon),
    );
    knocking.abort();
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    if std::env::var_os("METASERVE_FLOOD_DAEMON").is_none() {
        simulated();
    }
    with_connections(Role::Heartbeat).await;
    with_connections(Role::Client).await;
}

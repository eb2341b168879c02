//! Measures names, with the daemon in its own process: `cargo bench -p metaserve-tests --bench
//! names`. Takes about three minutes. An argument after `--` selects the figures whose names begin
//! with it. The bench prints measurements; people judge them.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a figure that cannot be measured is a failure"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use futures::future::join_all;
use metaserve::{
    names::Answer,
    protocol::names::{Claim, FromPeer},
};
use metaserve_tests::{
    Daemon, RawNames,
    names::{claim, start},
};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    task::JoinSet,
    time::interval,
};

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");
const NAMES_PEER: &str = env!("CARGO_BIN_EXE_names-peer-under-test");

/// More peers come from one address than would in practice.
const SETTINGS: [&str; 4] = ["--names", "on", "--max-servers-per-prefix", "50000"];
const MINUTES: Duration = Duration::from_secs(300);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let wanted = std::env::args().skip(1).find(|it| !it.starts_with("--"));
    let wanted = |name: &str| wanted.as_ref().is_none_or(|it| name.starts_with(it));
    macro_rules! figures {
        ($($figure:ident)*) => {
            $(if wanted(stringify!($figure)) {
                $figure().await;
            })*
        };
    }
    figures! {
        the_next_holder
        memory
        changes
        contenders
    }
}

async fn daemon() -> Daemon {
    Daemon::start(DAEMON, &SETTINGS).await
}

/// A holder of so many keys. The value of one changes each `every`, if that is given.
async fn holder(daemon: &Daemon, prefix: &str, count: u64, every: Option<Duration>) -> JoinSet<()> {
    let mut peer = RawNames::new(daemon).await;
    for id in 0..count {
        let key = format!("{prefix}{id:05}");
        let value = b"meadow.example.org:7777";
        peer.say(FromPeer::Claim(Claim {
            value,
            ..claim(id, &key)
        }))
        .await;
        let answer = peer.next().await;
        assert!(matches!(answer, Answer::Granted { .. }), "{answer:?}");
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let Some(every) = every else {
            return std::future::pending().await;
        };
        let mut every = interval(every);
        for round in 0_u64.. {
            every.tick().await;
            let (id, value) = (round % count, round.to_string());
            peer.say(FromPeer::Update {
                id,
                value: value.as_bytes(),
            })
            .await;
        }
    });
    tasks
}

/// So many watchers of a prefix, each with its own connection. They have read everything that there
/// is when this returns, and go on reading.
async fn watchers(daemon: &Daemon, count: usize, prefix: &'static str) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let mut peer = RawNames::new(daemon).await;
        peer.say(FromPeer::Watch { id: 1, prefix }).await;
        while peer.next().await != (Answer::Current { id: 1 }) {}
        tasks.spawn(async move {
            loop {
                peer.next_ever().await;
            }
        });
    }
    tasks
}

/// A peer in its own process that holds `victim/0000` and follows everything.
async fn victim(daemon: &Daemon) -> Child {
    let mut process = Command::new(NAMES_PEER)
        .arg(daemon.address.to_string())
        .arg(daemon.fingerprint.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let input = process.stdin.as_mut().unwrap();
    input
        .write_all(b"hold victim/ 1\nwatch zone/\n")
        .await
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (mut held, mut current) = (false, false);
    while !(held && current) {
        let line = lines.next_line().await.unwrap().unwrap();
        held |= line.starts_with("held");
        current |= line.starts_with("current");
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    process
}

/// Claims a key as soon as it is free, and returns the id of the claim: greater than `id`.
async fn next_holder(peer: &mut RawNames, mut id: u64, key: &str) -> u64 {
    loop {
        match peer.next().await {
            Answer::Down { .. } => {
                id += 1;
                peer.say(FromPeer::Claim(claim(id, key))).await;
            }
            Answer::Granted { id, .. } => return id,
            _ => {}
        }
    }
}

/// With 1,000 claims of which one changes every 10 ms, 100 watchers of them, and 20 orders that no
/// host answers.
async fn the_next_holder() {
    let daemon = daemon().await;
    let _zones = holder(&daemon, "zone/", 1_000, Some(Duration::from_millis(10))).await;
    let _watchers = watchers(&daemon, 100, "zone/").await;
    let (mut host, mut asker) = (RawNames::new(&daemon).await, RawNames::new(&daemon).await);
    host.offers(1, "absent/", 100).await;
    for id in 0..20 {
        asker.say(start(id, &format!("absent/{id}"), MINUTES)).await;
        let answer = host.next().await;
        assert!(matches!(answer, Answer::Order { .. }), "{answer:?}");
    }
    let mut next = RawNames::new(&daemon).await;
    let prefix = "victim/";
    next.say(FromPeer::Watch { id: 1, prefix }).await;
    let mut id = 1;
    for signal in ["KILL", "STOP"] {
        let mut took = Vec::new();
        for round in 0..5 {
            let mut victim = victim(&daemon).await;
            // Its last packet has come at any time of the past second.
            tokio::time::sleep(Duration::from_millis(210 * round)).await;
            let process = victim.id().unwrap().to_string();
            let kill = Command::new("kill").args(["-s", signal, &process]).status();
            assert!(kill.await.unwrap().success());
            let since = Instant::now();
            id = next_holder(&mut next, id, "victim/0000").await;
            took.push(since.elapsed());
            next.say(FromPeer::Release { id }).await;
            victim.kill().await.unwrap();
            while !matches!(next.next().await, Answer::Down { .. }) {}
        }
        took.sort_unstable();
        println!(
            "the next holder after SIG{signal}: {:.2?} to {:.2?}, with 1,000 claims, 100 watchers, \
             100 changes a second and 20 orders in flight",
            took[0],
            took[took.len() - 1]
        );
    }

    let (mut one, mut two) = (RawNames::new(&daemon).await, RawNames::new(&daemon).await);
    for peer in [&mut one, &mut two] {
        let prefix = "shared/";
        peer.say(FromPeer::Watch { id: 0, prefix }).await;
    }
    one.say(FromPeer::Claim(claim(1, "shared/a"))).await;
    while !matches!(one.next().await, Answer::Granted { .. }) {}
    let mut took = Vec::new();
    let mut id = 1;
    for _ in 0..200 {
        let since = Instant::now();
        one.say(FromPeer::Release { id }).await;
        id = next_holder(&mut two, 1_000 + id, "shared/a").await;
        took.push(since.elapsed());
        std::mem::swap(&mut one, &mut two);
    }
    took.sort_unstable();
    println!(
        "released and claimed by another: {:.2?} (median), {:.2?} (longest of {})",
        took[took.len() / 2],
        took[took.len() - 1],
        took.len()
    );
}

async fn memory() {
    let daemon = daemon().await;
    let one = holder(&daemon, "warm/", 100, None).await;
    let empty = daemon.memory_bytes();
    let each =
        |before: u64, count: u64| (daemon.memory_bytes() - before) as f64 / count as f64 / 1e3;
    let _zones = holder(&daemon, "zone/", 10_000, None).await;
    println!(
        "10,000 claims of one peer: {:.2} KB each",
        each(empty, 10_000)
    );
    let before = daemon.memory_bytes();
    let _idle = watchers(&daemon, 100, "nothing/").await;
    println!(
        "100 watchers of nothing: {:.1} KB each, connection included",
        each(before, 100)
    );
    let before = daemon.memory_bytes();
    let _all = watchers(&daemon, 100, "").await;
    println!(
        "100 watchers that have read 10,000 claims: {:.1} KB each, connection included",
        each(before, 100)
    );
    drop(one);
}

/// The processor time of the daemon, user and kernel.
fn processor_time(daemon: &Daemon) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.process())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.map(|it| it.parse::<u64>().unwrap()).sum();
    // Of a hundredth of a second each.
    Duration::from_millis(10 * ticks)
}

async fn changes() {
    const CHANGES: u64 = 20_000;
    for (count, prefix) in [
        (0, "zone/"),
        (100, "room/"),
        (0, "zone/"),
        (100, "room/"),
        (100, "zone/"),
    ] {
        let daemon = daemon().await;
        let mut peer = RawNames::new(&daemon).await;
        for id in 0..1_000 {
            peer.claims(id, &format!("zone/{id:05}")).await;
        }
        let _watchers = watchers(&daemon, count, prefix).await;
        let before = processor_time(&daemon);
        let mut every = interval(Duration::from_millis(1));
        for round in 0..CHANGES {
            if round % 2 == 0 {
                every.tick().await;
            }
            let value = round.to_string();
            let (id, value) = (round % 1_000, value.as_bytes());
            peer.say(FromPeer::Update { id, value }).await;
        }
        peer.resolves(1_000, "zone/00000").await;
        let took = processor_time(&daemon) - before;
        println!(
            "{CHANGES} changes of 1,000 claims in 10 s, {count} watchers of {prefix}: {:.1} µs each",
            took.as_secs_f64() * 1e6 / CHANGES as f64
        );
    }
}

async fn contenders() {
    let daemon = daemon().await;
    let mut peers = Vec::new();
    for _ in 0..100 {
        peers.push(RawNames::new(&daemon).await);
    }
    let mut took = Vec::new();
    for round in 0..100 {
        let key = format!("contended/{round}");
        let since = Instant::now();
        let claims = peers
            .iter_mut()
            .map(async |peer| peer.claim(round, &key, b"").await);
        let answers = join_all(claims).await;
        took.push(since.elapsed());
        let granted = |answer: &&Answer| matches!(answer, Answer::Granted { .. });
        assert_eq!(answers.iter().filter(granted).count(), 1);
    }
    took.sort_unstable();
    println!(
        "100 contenders: one winner in each of 100 rounds, all answered within {:.1?} (median)",
        took[took.len() / 2]
    );
}

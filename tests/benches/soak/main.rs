//! Many servers and clients that come and go for a long time, with every list compared with the
//! truth: `cargo bench -p metaserve-tests --bench soak -- MINUTES SERVERS CLIENTS DAEMONS`, by default
//! 30 minutes, 2,000, 2,000 and one daemon. Prints a line each minute and a verdict; the exit code
//! is 1 if it is bad.
//!
//! Several daemons are the members of a cluster over three NATS servers, which needs Debian's
//! nats-server. The peers are spread over all of them, and every list must have the servers of all.
//!
//! In each minute 5% of the servers and clients leave and as many others join, and each server
//! changes its heartbeat every ten seconds. Near the end of the minute everything pauses until all
//! lists must be right.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a soak that cannot continue has failed")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

mod crowd;
mod lists;
mod process;
mod stage;

use crowd::{Crowd, PATIENCE};
use metaserve::Role;
use metaserve_tests::{Daemon, FROM_ONE_ADDRESS, Nats, dropped};
use process::{Held, held};
use stage::{Stage, lock};
use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// The percentage of peers that leave and join per minute.
const CHURN: usize = 5;

/// The number of sockets that the peers share.
const SOCKETS: usize = 16;

/// The daemon's threads, on every machine: with one, no packet would take the way between two.
const THREADS: &str = "2";

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let words = std::env::args().skip(1);
    let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    let given = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    let (minutes, servers, clients) = (given(0, 30), given(1, 2000), given(2, 2000));

    let (mut daemons, _nats) = daemons(given(3, 1)).await;
    let connectors = |role| {
        let daemons = daemons.iter().cycle().take(SOCKETS.max(daemons.len()));
        daemons.map(|it| it.connector(role, None)).collect()
    };
    let stage = Stage::new(connectors(Role::Heartbeat), connectors(Role::Client));
    let stage = Arc::new(stage);
    let mut crowd = Crowd::new(stage.clone());
    println!(
        "{minutes} minutes with {servers} servers and {clients} clients, of which {CHURN}% leave \
         and join each minute, at {} daemons with {THREADS} threads each",
        daemons.len()
    );
    (0..servers).for_each(|_| crowd.join_server());
    (0..clients).for_each(|_| crowd.join_client());
    let mut figures: Vec<Held> = Vec::new();
    let (mut wrong_lists, mut panics) = (0, 0);
    let (begin, dropped_before) = (tokio::time::Instant::now(), dropped());
    for minute in 1..=minutes {
        let end = begin + Duration::from_secs(60) * u32::try_from(minute).unwrap();
        let still_at = end - PATIENCE - Duration::from_secs(2);
        let changes = (servers + clients) * CHURN as u64 / 100;
        let mut pace = tokio::time::interval(Duration::from_secs(45) / changes.max(1) as u32);
        let mut next_is_server = true;
        while tokio::time::Instant::now() < still_at {
            pace.tick().await;
            // In the first minute the peers are still joining.
            if minute > 1 {
                crowd.churn(next_is_server).await;
                next_is_server = !next_is_server;
            }
        }
        let wrong = crowd.wrong().await;
        tokio::time::sleep_until(end).await;
        let now: Held = daemons.iter().map(|it| held(it.process())).sum();
        let own = held(std::process::id());
        let said = daemons.iter_mut().flat_map(Daemon::said);
        panics += said.filter(|it| it.contains("panicked")).count();
        wrong_lists += wrong;
        figures.push(now);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        println!(
            "minute {minute}: {} servers listed, {wrong} wrong lists, {} ghosts, {} peers lost, {} \
             lists started, {} connections retried, {} datagrams dropped by full buffers; daemons {:.1} MB, \
             {} files; this program {:.1} MB, {} files",
            lock(&stage.truth).there.len(),
            count(&stage.ghosts),
            count(&stage.lost),
            count(&stage.snapshots),
            count(&stage.tried_again),
            dropped() - dropped_before,
            now.megabytes,
            now.files,
            own.megabytes,
            own.files,
        );
    }
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    let most = figures.iter().map(|it| it.megabytes).fold(0.0, f64::max);
    let (ghosts, lost) = (&stage.ghosts, &stage.lost);
    let (ghosts, lost) = (ghosts.load(Ordering::Relaxed), lost.load(Ordering::Relaxed));
    println!(
        "memory: {:.1} MB after the first minute, {:.1} MB after the last, at most {most:.1} MB; \
         files: {} and {}",
        first.megabytes, last.megabytes, first.files, last.files
    );
    let good = wrong_lists == 0
        && ghosts == 0
        && lost == 0
        && panics == 0
        && first.files == last.files
        && last.megabytes < 1.25 * first.megabytes;
    println!(
        "verdict: {}: {wrong_lists} wrong lists, {ghosts} ghosts, {lost} peers lost, {panics} panics",
        if good { "good" } else { "BAD" }
    );
    ExitCode::from(u8::from(!good))
}

/// One daemon, or the members of a cluster, and what they need to be one.
async fn daemons(count: u64) -> (Vec<Daemon>, Option<Nats>) {
    let settings = [&FROM_ONE_ADDRESS[..], &["--threads", THREADS]].concat();
    if count == 1 {
        return (vec![Daemon::start(DAEMON, &settings).await], None);
    }
    let nats = Nats::three().await;
    let urls = nats.urls();
    let mut daemons = Vec::new();
    for member in 1..=count {
        let name = format!("m{member}");
        let cluster = ["--cluster", &urls, "--cluster-member", &name];
        let daemon = Daemon::start(DAEMON, &[&settings[..], &cluster].concat()).await;
        daemons.push(daemon);
    }
    for daemon in &mut daemons {
        daemon
            .logged("joined the cluster: the list is complete")
            .await;
    }
    (daemons, Some(nats))
}

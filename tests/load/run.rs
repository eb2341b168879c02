//! One run against the daemon in phases: servers join, clients join, servers change, every list is
//! checked. Then [`bare`] does the same work, if the plan asks for it.

use crate::{
    bare,
    bench::{Bench, PATIENCE, Steady, per},
    clients::{self, Seen, lock},
    floor::Bytesent,
    lost, moved,
    options::Plan,
    peers::{self, Sockets, Stage, now},
    report::{Latency, Report},
    targets::Targets,
    which::Which,
};
use anyhow::{Context, bail};
use futures::StreamExt;
use metaserve::Role;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// Carries out the plan.
///
/// # Errors
/// When something cannot be started, or peers cannot connect.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let (mut report, sent) = against_daemon(plan).await?;
    if plan.floor {
        report.floor = Some(bare::run(plan, sent).await?);
    }
    Ok(report)
}

/// The UDP payload and datagrams that clients have received.
#[derive(Clone, Copy, Default)]
struct Received {
    bytes: u64,
    datagrams: u64,
}

fn received(connections: &[quinn::Connection]) -> Received {
    let all = connections
        .iter()
        .map(|connection| connection.stats().udp_rx);
    all.fold(Received::default(), |sum, one| Received {
        bytes: sum.bytes + one.bytes,
        datagrams: sum.datagrams + one.datagrams,
    })
}

async fn against_daemon(plan: &Plan) -> anyhow::Result<(Report, Bytesent)> {
    let mut bench = Bench::new(plan, Targets::daemons(plan).await?);
    let stage = bench.stage.clone();
    let mut report = Report::new(plan);
    let (empty, meter) = (bench.target.resident(), bench.meter().await);

    let start = now();
    let joining = (plan.servers, plan.ramp);
    let servers = bench.join(Role::Heartbeat, joining, "servers join", {
        let stage = stage.clone();
        move |tasks, server, connection, _| {
            drop(tasks.spawn(peers::library_server(stage.clone(), server, connection)));
        }
    });
    let servers = servers.await?;
    report.servers_per_second = plan.servers as f64 / start.elapsed().as_secs_f64();
    for watcher in watchers(&bench).await? {
        listed(watcher, plan.servers, &stage).await?;
    }
    report.daemon.micros_per_server = bench.each(&meter, plan.servers).await;
    if matches!(&plan.which, Which::Cluster(local) if local.join) {
        let begun = now();
        let joining = bench.target.join(plan).await?;
        let sockets = Sockets::open(plan, Role::Client, std::slice::from_ref(joining))?;
        let newcomer = metaserve_client::Subscriber::new(sockets.connect(0).await?);
        listed(newcomer.game(&plan.game).run(), plan.servers, &stage).await?;
        report.joined_ms = Some(begun.elapsed().as_secs_f64() * 1e3);
    }
    if plan.which.lose() > 0 {
        bench.target.join(plan).await?;
    }
    let meter = bench.meter().await;
    let with_servers = bench.target.resident();
    report.daemon.bytes_per_server = per(empty, with_servers, plan.servers);

    let seen = Seen::new(plan.clients + plan.which.lose());
    let start = now();
    let joining = (plan.clients, plan.client_ramp);
    let clients = bench.join(Role::Client, joining, "clients join", {
        let (stage, seen) = (stage.clone(), seen.clone());
        move |tasks, client, connection, begun| {
            let follow =
                clients::client(stage.clone(), seen.clone(), client, connection, begun, None);
            drop(tasks.spawn(follow));
        }
    });
    let clients = clients.await?;
    let complete = || seen.complete.load(Ordering::Relaxed);
    bench
        .all("clients with a list", plan.clients as u64, complete)
        .await?;
    report.clients_per_second = plan.clients as f64 / start.elapsed().as_secs_f64();
    report.first_list = Latency::of(&lock(&seen.first_list));
    report.daemon.micros_per_client = bench.each(&meter, plan.clients).await;
    report.daemon.bytes_per_client = per(with_servers, bench.target.resident(), plan.clients);
    let first = received(&clients).bytes;

    let before = std::cell::Cell::default();
    let changes = AtomicU64::new(0);
    let Steady { cores, each, took } = bench
        .steady(|| {
            before.set(received(&clients));
            changes.store(stage.changes.load(Ordering::Relaxed), Ordering::Relaxed);
            seen.counting.store(true, Ordering::Relaxed);
        })
        .await?;
    seen.counting.store(false, Ordering::Relaxed);
    report.daemon.cores = cores;
    report.each = each;
    report.rss_bytes = bench.target.resident();
    if plan.clients == 0 {
        report.daemon.bytes_per_server_at_end = per(empty, report.rss_bytes, plan.servers);
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let seconds = took.as_secs_f64();
    let after = received(&clients);
    let bytes = (after.bytes - before.get().bytes) as f64;
    let datagrams = (after.datagrams - before.get().datagrams) as f64;
    report.changes_per_second = (count(&stage.changes) - count(&changes)) as f64 / seconds;
    report.updates_per_second = count(&seen.updates) as f64 / seconds;
    report.snapshots = count(&seen.snapshots);
    report.latency = Latency::of(&lock(&seen.latencies));
    report.latency_apart = Latency::of(&lock(&seen.latencies_apart));
    if plan.clients > 0 {
        report.bytes_per_client_second = bytes / seconds / plan.clients as f64;
        report.datagrams_per_client_second = datagrams / seconds / plan.clients as f64;
        report.bytes_per_update =
            (count(&seen.updates) > 0).then(|| bytes / count(&seen.updates) as f64);
        report.bytes_first_list = first / plan.clients as u64;
    }

    if plan.which.lose() > 0 {
        report.lost_member = Some(lost::measure(&mut bench, &seen).await?);
    }
    stage.changing.send_replace(false);
    report.lost = wrong(&bench, &seen).await;
    if matches!(&plan.which, Which::Cluster(local) if local.moves) {
        report.moved = Some(moved::measure(&bench).await?);
    }
    report.dropped = count(&stage.dropped);
    report.removed = count(&seen.removed);
    let messages = count(&seen.messages).max(1) as f64 / plan.clients.max(1) as f64;
    let sent = Bytesent {
        first: list_bytes(first, plan.clients),
        each: (count(&seen.message_bytes) / count(&seen.messages).max(1)) as usize
            + usize::from(count(&seen.messages) > 0) * PREFIX_BYTES,
        every: took.div_f64(messages),
    };
    drop((servers, clients));
    bench.end().await;
    Ok((report, sent))
}

/// The bytes of a frame's length.
const PREFIX_BYTES: usize = 4;

/// Estimates the bytes of lists: subtracts QUIC's overhead per byte of stream data in full
/// packets, and a handshake.
fn list_bytes(received: u64, clients: usize) -> usize {
    const HANDSHAKE_BYTES: u64 = 4_000;
    let each = received / clients.max(1) as u64;
    each.saturating_sub(HANDSHAKE_BYTES) as usize * 96 / 100
}

/// A client of the library at each daemon that has clients.
async fn watchers(bench: &Bench) -> anyhow::Result<Vec<metaserve_client::Snapshots>> {
    let (plan, targets) = (&bench.stage.plan, bench.target.of(Role::Client));
    let sockets = Sockets::open(plan, Role::Client, targets)?;
    let mut watchers = Vec::new();
    for peer in 0..targets.len() {
        let connection = sockets.connect(peer).await.context("the daemon")?;
        let watcher = metaserve_client::Subscriber::new(connection);
        watchers.push(watcher.game(&plan.game).run());
    }
    Ok(watchers)
}

/// Waits until this many servers are on the list.
async fn listed(
    mut list: metaserve_client::Snapshots,
    wanted: usize,
    stage: &Stage,
) -> anyhow::Result<()> {
    let mut seen = 0;
    let all = async {
        while seen < wanted {
            seen = list.next().await.context("the list has ended")??.len();
        }
        anyhow::Ok(())
    };
    match timeout(PATIENCE, all).await {
        Ok(result) => result,
        Err(_) => bail!(
            "only {seen} of {wanted} servers are listed after {PATIENCE:?}, and {} wait for a row: \
             give the daemon --trusted-prefix for this address, or a higher --max-listed-per-prefix",
            stage.waiting.load(Ordering::Relaxed)
        ),
    }
}

/// The number of wrong servers in all lists together, once they have had the time to be right.
async fn wrong(bench: &Bench, seen: &Seen) -> u64 {
    bench.phase("checking every list", seen.latest.len() as u64);
    let start = now();
    loop {
        let mut known = HashMap::new();
        let mut wrong = 0;
        for latest in &seen.latest {
            let list = lock(latest).clone();
            wrong += match list {
                None => bench.stage.plan.servers,
                Some(list) => *known.entry(Arc::as_ptr(&list)).or_insert_with(|| {
                    let heartbeats = list.servers.values().cloned();
                    bench.stage.truth.wrong_in(heartbeats)
                }),
            };
        }
        if wrong == 0 || start.elapsed() > PATIENCE {
            return wrong as u64;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

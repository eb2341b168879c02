//! One run, phase by phase: servers join, clients join, servers change, every list is checked.

use crate::{
    clients::{self, Seen, lock},
    floor::Bytesent,
    options::Plan,
    peers::{self, Sockets, Stage, now},
    report::{Cost, Latency, Report},
    target::Target,
};
use anyhow::{Context, bail};
use futures::StreamExt;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use metaserve::Role;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// Does what the plan says.
///
/// # Errors
/// When something cannot be started, or peers do not get in.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let (mut report, sent) = against_daemon(plan).await?;
    if plan.floor {
        report.floor = Some(against_floor(plan, sent).await?);
    }
    Ok(report)
}

/// What the work is done against, and the figures that are taken on the way.
struct Bench {
    stage: Arc<Stage>,
    target: Target,
    tasks: JoinSet<()>,
    progress: ProgressBar,
}

/// Handshakes under way at one time: below the number from which a daemon asks for more.
const HANDSHAKES: usize = 64;

/// Until whatever was begun has settled, before a figure is taken.
const SETTLE: Duration = Duration::from_secs(1);

/// Before the measuring begins: all servers have spoken.
const WARM_UP_INTERVALS: u32 = 2;

/// After the last change: lists that are not right by then have lost something.
const PATIENCE: Duration = Duration::from_secs(20);

impl Bench {
    fn new(plan: &Plan, target: Target) -> Self {
        let progress = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {wide_bar} {pos}/{len}") {
            progress.set_style(style);
        }
        Self {
            stage: Stage::new(plan),
            target,
            tasks: JoinSet::new(),
            progress,
        }
    }

    fn phase(&self, what: &str, length: u64) {
        self.progress.set_message(what.to_owned());
        self.progress.set_length(length);
        self.progress.set_position(0);
    }

    /// Connects `count` peers at the plan's pace and gives each to `begin`.
    async fn join(
        &mut self,
        role: Role,
        count: usize,
        what: &str,
        mut begin: impl FnMut(&mut JoinSet<()>, usize, quinn::Connection, Instant),
    ) -> anyhow::Result<Vec<quinn::Connection>> {
        self.phase(what, count as u64);
        let Target {
            address,
            name,
            trust,
            ..
        } = &self.target;
        let plan = &self.stage.plan;
        let sockets = Arc::new(Sockets::open(plan, role, *address, name, trust)?);
        let places = Arc::new(Semaphore::new(HANDSHAKES));
        let (sender, mut connected) = mpsc::channel(HANDSHAKES);
        let pace = Duration::from_secs_f64(1.0 / plan.ramp as f64);
        self.tasks.spawn(async move {
            let mut pace = interval(pace);
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut attempts = JoinSet::new();
            for peer in 0..count {
                pace.tick().await;
                let Ok(place) = places.clone().acquire_owned().await else {
                    break;
                };
                let (sockets, sender) = (sockets.clone(), sender.clone());
                attempts.spawn(async move {
                    let begun = now();
                    let connection = sockets.connect(peer).await;
                    drop(place);
                    // Nobody listens any more when the run is over.
                    let _ = sender.send((peer, connection, begun)).await;
                });
            }
            drop(attempts.join_all().await);
        });
        let mut connections = Vec::with_capacity(count);
        while connections.len() < count {
            let (peer, connection, begun) = connected.recv().await.context("no more peers")?;
            let connection =
                connection.with_context(|| format!("{what}: {role} {peer} of {count}"))?;
            connections.push(connection.clone());
            begin(&mut self.tasks, peer, connection, begun);
            self.progress.inc(1);
        }
        Ok(connections)
    }

    /// Waits until `count` says that all are there.
    async fn all(&self, what: &str, wanted: u64, count: impl Fn() -> u64) -> anyhow::Result<()> {
        let reached = async {
            while count() < wanted {
                sleep(Duration::from_millis(5)).await;
            }
        };
        match timeout(PATIENCE, reached).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("{what}: only {} of {wanted} after {PATIENCE:?}", count()),
        }
    }

    /// Lets servers change their heartbeats, and gives what that costs the target after a time of
    /// getting used to it. `begin` is called when counting begins.
    async fn steady(&self, begin: impl FnOnce()) -> anyhow::Result<(Option<f64>, Duration)> {
        let plan = &self.stage.plan;
        self.stage.changing.send_replace(true);
        sleep(WARM_UP_INTERVALS * plan.interval.max(Duration::from_secs(1))).await;
        begin();
        let (cpu, start) = (self.target.cpu(), now());
        self.phase("measuring", plan.measured.as_secs());
        while start.elapsed() < plan.measured {
            sleep(Duration::from_secs(1).min(plan.measured - start.elapsed())).await;
            self.progress.inc(1);
        }
        let took = start.elapsed();
        let cores = difference(cpu, self.target.cpu(), took);
        Ok((cores, took))
    }

    async fn end(mut self) {
        self.progress.finish_and_clear();
        self.tasks.shutdown().await;
        self.target.end().await;
    }
}

/// Processor seconds per second.
fn difference(before: Option<Duration>, after: Option<Duration>, took: Duration) -> Option<f64> {
    Some((after? - before?).as_secs_f64() / took.as_secs_f64())
}

fn each(before: Option<Duration>, after: Option<Duration>, count: usize) -> Option<f64> {
    (count > 0).then_some((after? - before?).as_secs_f64() * 1e6 / count as f64)
}

/// UDP payload and datagrams that clients have received.
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
    let mut bench = Bench::new(plan, Target::daemon(plan).await?);
    let stage = bench.stage.clone();
    let mut report = Report::new(plan);
    let (empty, begin) = (bench.target.resident(), bench.target.cpu());

    let start = now();
    let servers = bench.join(Role::Heartbeat, plan.servers, "servers join", {
        let stage = stage.clone();
        move |tasks, server, connection, _| {
            drop(tasks.spawn(peers::library_server(stage.clone(), server, connection)));
        }
    });
    let servers = servers.await?;
    report.servers_per_second = plan.servers as f64 / start.elapsed().as_secs_f64();
    listed(watcher(&bench).await?, plan.servers).await?;
    sleep(SETTLE).await;
    let with_servers = (bench.target.cpu(), bench.target.resident());
    report.daemon.micros_per_server = each(begin, with_servers.0, plan.servers);
    report.daemon.bytes_per_server = per(empty, with_servers.1, plan.servers);

    let seen = Seen::new(plan.clients);
    let start = now();
    let clients = bench.join(Role::Client, plan.clients, "clients join", {
        let (stage, seen) = (stage.clone(), seen.clone());
        move |tasks, client, connection, begun| {
            let follow = clients::client(stage.clone(), seen.clone(), client, connection, begun);
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
    sleep(SETTLE).await;
    let with_clients = (bench.target.cpu(), bench.target.resident());
    report.daemon.micros_per_client = each(with_servers.0, with_clients.0, plan.clients);
    report.daemon.bytes_per_client = per(with_servers.1, with_clients.1, plan.clients);
    let first = received(&clients).bytes;

    let before = std::cell::Cell::default();
    let changes = AtomicU64::new(0);
    let (cores, took) = bench
        .steady(|| {
            before.set(received(&clients));
            changes.store(stage.changes.load(Ordering::Relaxed), Ordering::Relaxed);
            seen.counting.store(true, Ordering::Relaxed);
        })
        .await?;
    seen.counting.store(false, Ordering::Relaxed);
    report.daemon.cores = cores;
    report.rss_bytes = bench.target.resident();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let seconds = took.as_secs_f64();
    let after = received(&clients);
    let bytes = (after.bytes - before.get().bytes) as f64;
    let datagrams = (after.datagrams - before.get().datagrams) as f64;
    report.changes_per_second = (count(&stage.changes) - count(&changes)) as f64 / seconds;
    report.updates_per_second = count(&seen.updates) as f64 / seconds;
    report.snapshots = count(&seen.snapshots);
    report.latency = Latency::of(&lock(&seen.latencies));
    if plan.clients > 0 {
        report.bytes_per_client_second = bytes / seconds / plan.clients as f64;
        report.datagrams_per_client_second = datagrams / seconds / plan.clients as f64;
        report.bytes_per_update =
            (count(&seen.updates) > 0).then(|| bytes / count(&seen.updates) as f64);
        report.bytes_first_list = first / plan.clients as u64;
    }

    stage.changing.send_replace(false);
    report.lost = wrong(&bench, &seen).await;
    report.dropped = count(&stage.dropped);
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

/// What a frame's length takes.
const PREFIX_BYTES: usize = 4;

/// What QUIC adds to a byte of stream data in full packets, and a handshake: taken off again.
fn list_bytes(received: u64, clients: usize) -> usize {
    const HANDSHAKE_BYTES: u64 = 4_000;
    let each = received / clients.max(1) as u64;
    each.saturating_sub(HANDSHAKE_BYTES) as usize * 96 / 100
}

fn per(before: Option<u64>, after: Option<u64>, count: usize) -> Option<u64> {
    after?.saturating_sub(before?).checked_div(count as u64)
}

async fn watcher(bench: &Bench) -> anyhow::Result<metaserve_client::Snapshots> {
    let Target {
        address,
        name,
        trust,
        ..
    } = &bench.target;
    let sockets = Sockets::open(&bench.stage.plan, Role::Client, *address, name, trust)?;
    let connection = sockets.connect(0).await.context("the daemon")?;
    Ok(metaserve_client::Subscriber::new(connection)
        .game("load")
        .run())
}

/// Waits until so many servers are on the list.
async fn listed(mut list: metaserve_client::Snapshots, wanted: usize) -> anyhow::Result<()> {
    let mut seen = 0;
    let all = async {
        while seen < wanted {
            seen = list.next().await.context("the list has ended")??.len();
        }
        anyhow::Ok(())
    };
    match timeout(PATIENCE, all).await {
        Ok(result) => result,
        Err(_) => bail!("only {seen} of {wanted} servers are listed after {PATIENCE:?}"),
    }
}

/// How many servers all lists together have wrong, once they have had the time to be right.
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

/// What a client of the floor has read so far, in bytes.
type Read = Arc<AtomicU64>;

async fn against_floor(plan: &Plan, sent: Bytesent) -> anyhow::Result<Cost> {
    let mut bench = Bench::new(plan, Target::floor(sent).await?);
    let stage = bench.stage.clone();
    let mut cost = Cost::default();
    let (begin, empty) = (bench.target.cpu(), bench.target.resident());
    let servers = bench.join(Role::Heartbeat, plan.servers, "floor: servers join", {
        let stage = stage.clone();
        move |tasks, server, connection, _| {
            drop(tasks.spawn(peers::bare_server(stage.clone(), server, connection)));
        }
    });
    let servers = servers.await?;
    sleep(SETTLE).await;
    let with_servers = bench.target.cpu();
    cost.micros_per_server = each(begin, with_servers, plan.servers);
    let full = bench.target.resident();
    cost.bytes_per_server = per(empty, full, plan.servers);

    let reads: Vec<Read> = (0..plan.clients).map(|_| Read::default()).collect();
    let clients = bench.join(Role::Client, plan.clients, "floor: clients join", {
        let (stage, reads) = (stage.clone(), reads.clone());
        move |tasks, client, connection, _| {
            drop(tasks.spawn(bare_client(
                stage.clone(),
                reads[client].clone(),
                connection,
            )));
        }
    });
    let clients = clients.await?;
    let total = || reads.iter().map(|read| read.load(Ordering::Relaxed)).sum();
    let wanted = (plan.clients * sent.first) as u64;
    bench.all("floor: bytes read", wanted, total).await?;
    sleep(SETTLE).await;
    cost.micros_per_client = each(with_servers, bench.target.cpu(), plan.clients);
    cost.bytes_per_client = per(full, bench.target.resident(), plan.clients);

    bench.target.begin().await?;
    let before = AtomicU64::new(0);
    let (cores, took) = bench
        .steady(|| before.store(total(), Ordering::Relaxed))
        .await?;
    cost.cores = cores;
    // What was not delivered is no work to compare with.
    let read = (total() - before.load(Ordering::Relaxed)) as f64;
    let expected = sent.each as f64 * took.div_duration_f64(sent.every) * plan.clients as f64;
    let dropped = stage.dropped.load(Ordering::Relaxed);
    if dropped > 0 || read < 0.95 * expected {
        cost.cores = None;
        eprintln!(
            "the floor delivered {read:.0} of {expected:.0} bytes, {dropped} peers lost: no ratio"
        );
    }
    drop((servers, clients));
    bench.end().await;
    Ok(cost)
}

async fn bare_client(stage: Arc<Stage>, read: Read, connection: quinn::Connection) {
    let follow = async {
        let mut out = connection.open_uni().await?;
        out.write_all(b"list").await?;
        out.finish()?;
        let mut stream = connection.accept_uni().await?;
        while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
            read.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
        }
        anyhow::bail!("the floor has ended the stream")
    };
    let result: anyhow::Result<()> = follow.await;
    if let Err(error) = result {
        stage.lost("bare client", &error);
    }
}

impl Latency {
    /// The quantiles of a histogram in microseconds; none of an empty one.
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            p50: millis(0.5),
            p99: millis(0.99),
            p999: millis(0.999),
            max: histogram.max() as f64 / 1000.0,
        })
    }
}

//! The parts of both runs: peers that join at the plan's pace, waiting for them, and a period of
//! steady work.

use crate::{
    options::Plan,
    peers::{Sockets, Stage, now},
    target::Target,
    targets::{Targets, Used},
};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use metaserve::Role;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// The target of the work, and the measurements on the way.
pub(crate) struct Bench {
    pub(crate) stage: Arc<Stage>,
    pub(crate) target: Targets,
    tasks: JoinSet<()>,
    progress: ProgressBar,
}

/// The resources of the target from one moment on, beyond its use while nobody joins: the
/// keep-alives of the connected peers.
pub(crate) struct Meter {
    cpu: Option<Duration>,
    start: Instant,
    /// In cores.
    calm: Option<f64>,
}

/// What steady work has cost.
pub(crate) struct Steady {
    /// Processor seconds per second, of all daemons together.
    pub(crate) cores: Option<f64>,
    /// The same for each process.
    pub(crate) each: Vec<Used>,
    pub(crate) took: Duration,
}

/// The number of concurrent handshakes: below the number from which a daemon requires address
/// validation.
const HANDSHAKES: usize = 64;

/// How long to let things settle before a measurement.
const SETTLE: Duration = Duration::from_secs(1);

/// How many intervals pass before measuring begins: all servers have sent a heartbeat by then.
const WARM_UP_INTERVALS: u32 = 2;

/// How long after the last change lists may still be wrong. Later, something was lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

impl Bench {
    pub(crate) fn new(plan: &Plan, target: Targets) -> Self {
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

    pub(crate) fn phase(&self, what: &str, length: u64) {
        self.progress.set_message(what.to_owned());
        self.progress.set_length(length);
        self.progress.set_position(0);
    }

    /// Measures for a while what the target uses by itself, and meters it from then on.
    pub(crate) async fn meter(&self) -> Meter {
        let (cpu, start) = (self.target.cpu(), now());
        sleep(SETTLE).await;
        let (end, cpu_then) = (now(), self.target.cpu());
        Meter {
            cpu: cpu_then,
            start: end,
            calm: difference(cpu, cpu_then, end - start),
        }
    }

    /// What one daemon uses while nobody comes and nothing changes, in cores.
    pub(crate) async fn calm(&self, target: &Target) -> Option<f64> {
        let (cpu, start) = (target.cpu(), now());
        sleep(SETTLE).await;
        difference(cpu, target.cpu(), start.elapsed())
    }

    /// The processor time for each of `count` peers that have joined since, in microseconds, once
    /// the last of them has settled.
    pub(crate) async fn each(&self, meter: &Meter, count: usize) -> Option<f64> {
        sleep(SETTLE).await;
        let took = (self.target.cpu()? - meter.cpu?).as_secs_f64();
        let calm = meter.calm? * meter.start.elapsed().as_secs_f64();
        (count > 0).then_some((took - calm) * 1e6 / count as f64)
    }

    /// Connects `count` peers at the plan's rate, and passes each to `begin`.
    pub(crate) async fn join(
        &mut self,
        role: Role,
        (count, ramp): (usize, usize),
        what: &str,
        mut begin: impl FnMut(&mut JoinSet<()>, usize, quinn::Connection, Instant),
    ) -> anyhow::Result<Vec<quinn::Connection>> {
        self.phase(what, count as u64);
        let plan = &self.stage.plan;
        let sockets = Arc::new(Sockets::open(plan, role, self.target.of(role))?);
        let places = Arc::new(Semaphore::new(HANDSHAKES));
        let (sender, mut connected) = mpsc::channel(HANDSHAKES);
        let pace = Duration::from_secs_f64(1.0 / ramp as f64);
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
                    // The receiver is gone when the run is over.
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

    /// Waits until `count` has reached the wanted number.
    pub(crate) async fn all(
        &self,
        what: &str,
        wanted: u64,
        count: impl Fn() -> u64,
    ) -> anyhow::Result<()> {
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

    /// Lets servers change their heartbeats, and returns what that costs the target after a
    /// warm-up. `begin` is called when counting begins.
    pub(crate) async fn steady(&self, begin: impl FnOnce()) -> anyhow::Result<Steady> {
        let plan = &self.stage.plan;
        self.stage.changing.send_replace(true);
        sleep(WARM_UP_INTERVALS * plan.interval.max(Duration::from_secs(1))).await;
        begin();
        let (cpu, start) = (self.target.cpu(), now());
        let usage = self.target.usage(start);
        self.phase("measuring", plan.measured.as_secs());
        while start.elapsed() < plan.measured {
            sleep(Duration::from_secs(1).min(plan.measured - start.elapsed())).await;
            self.progress.inc(1);
        }
        let took = start.elapsed();
        Ok(Steady {
            cores: difference(cpu, self.target.cpu(), took),
            each: self.target.used(&usage, now()),
            took,
        })
    }

    pub(crate) async fn end(mut self) {
        self.progress.finish_and_clear();
        self.tasks.shutdown().await;
        self.target.end().await;
    }
}

/// Processor seconds per second.
fn difference(before: Option<Duration>, after: Option<Duration>, took: Duration) -> Option<f64> {
    Some((after? - before?).as_secs_f64() / took.as_secs_f64())
}

/// The memory per peer, in bytes.
pub(crate) fn per(before: Option<u64>, after: Option<u64>, count: usize) -> Option<u64> {
    after?.saturating_sub(before?).checked_div(count as u64)
}

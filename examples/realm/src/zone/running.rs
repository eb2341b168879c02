//! A zone that runs: reads input, works a batch, commits it.

use super::{
    loading::{Failure, load},
    patience::patiently,
    sessions::{self, Absences, Sessions},
};
use crate::{
    clock::{Clock, millis},
    content::Map,
    ids::ZoneId,
    keeper::Keeper,
    log::{Commit, Cursor, Log, LogError},
    object::Millis,
    world::{World, hooks::Hooks, physics::Physics},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// Between two batches.
const TICK: Duration = Duration::from_millis(50);

/// So many commands are read for a batch at most.
const BATCH: usize = 1_000;

/// How long a zone where nothing happens waits for input, and after how long it looks at what comes
/// by other ways: sessions that have ended, scripts that were edited.
const LOOK: Duration = Duration::from_secs(2);

/// Makes the scripts of a zone.
pub(super) type Scripts = Arc<dyn Fn() -> anyhow::Result<Box<dyn Hooks>> + Send + Sync>;

/// What a zone needs to run.
pub(super) struct Zone {
    pub(super) id: ZoneId,
    pub(super) map: Map,
    /// Of the claim.
    pub(super) epoch: u64,
    pub(super) log: Arc<dyn Log>,
    pub(super) keeper: Arc<dyn Keeper>,
    pub(super) scripts: Scripts,
    pub(super) physics: Physics,
    pub(super) idle: Duration,
    pub(super) clock: Clock,
    pub(super) sessions: watch::Receiver<Sessions>,
    /// Is told how many players are there.
    pub(super) players: watch::Sender<usize>,
}

/// Why a zone does not run any more. Everything that it has done is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to stop.
    Stopped,
    /// Nobody is there, and nothing is to be done. Whoever comes right now has the zone started again:
    /// the log says that it is due for travellers, and a gateway sees that it has no owner.
    Idle,
}

impl Zone {
    /// Runs the zone until it is idle or told to stop.
    ///
    /// Dropping it ends the zone at once: what is not committed has not happened.
    pub(super) async fn run(&self, stop: &CancellationToken) -> Result<End, Failure> {
        loop {
            let Some(loaded) = stop.run_until_cancelled(load(self)).await else {
                return Ok(End::Stopped);
            };
            match self.work(loaded?, stop).await {
                Err(LogError::Unknown(_)) => {
                    tracing::warn!(zone = %self.id, "the log has lost the zone while it ran");
                    self.players.send_replace(0);
                }
                ended => return Ok(ended?),
            }
        }
    }

    async fn work(&self, mut world: World, stop: &CancellationToken) -> Result<End, LogError> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut absences = Absences::default();
        let mut busy_at = self.clock.now();
        // The first batch has what came before there was an owner.
        let mut wait = Duration::ZERO;
        loop {
            tick.tick().await;
            let read = self.read(world.cursor(), wait, &mut tick);
            let Some(inputs) = stop.run_until_cancelled(read).await else {
                return Ok(End::Stopped);
            };
            let inputs = inputs?;
            let now = self.clock.now();
            {
                let sessions = self.sessions.borrow();
                let has_session = sessions
                    .as_ref()
                    .map(|it| |player: &_| sessions::has(it, player));
                for name in absences.look(world.players(), has_session, now) {
                    tracing::info!(zone = %self.id, %name, "leaves: the session has ended");
                    world.leave(&name);
                }
            }
            // Scripts and physics may take their time: other zones have this thread meanwhile.
            let (back, commit) = unblocked(move || {
                world.scripts_edited();
                let commit = world.step(inputs, now);
                (world, commit)
            })
            .await;
            world = back;
            if let Some(commit) = commit {
                self.commit(&commit).await?;
                busy_at = now;
            }
            let players = world.players().count();
            self.players
                .send_if_modified(|told| std::mem::replace(told, players) != players);
            if players > 0 {
                busy_at = now;
            }
            let idle_at = busy_at + millis(self.idle);
            if now >= idle_at && world.is_still() {
                return Ok(End::Idle);
            }
            wait = pause(&world, idle_at, self.clock.now());
        }
    }

    /// Input after the cursor. Waits so long if there is none; the next tick is then as far away as
    /// after any other batch.
    async fn read(
        &self,
        after: Cursor,
        wait: Duration,
        tick: &mut Interval,
    ) -> Result<Vec<(Cursor, crate::command::Command)>, LogError> {
        let read = || self.log.inputs(&self.id, after, BATCH, wait);
        let inputs = patiently(&self.id, read).await?;
        if !wait.is_zero() {
            tick.reset();
        }
        Ok(inputs)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        patiently(&self.id, || self.log.commit(&self.id, commit)).await
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone")
            .field("id", &self.id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// How long the zone can wait for input: not at all if something moves by itself.
fn pause(world: &World, idle_at: Millis, now: Millis) -> Duration {
    if !world.is_still() {
        return Duration::ZERO;
    }
    let next = world
        .next_due()
        .unwrap_or(Millis::MAX)
        .min(idle_at.max(now + 1));
    Duration::from_millis(next.saturating_sub(now)).min(LOOK)
}

/// Runs this outside of the threads that serve everybody. A panic goes on here.
async fn unblocked<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => std::future::pending().await,
        },
    }
}

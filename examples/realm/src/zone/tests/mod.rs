//! Zones that run on a log in memory, in time that goes as fast as nothing is to be done.

use super::{
    Host, Settings,
    loading::Failure,
    running::{End, Zone},
};
use crate::{
    clock::Clock,
    command::{Action, Arrival, Command},
    content::Content,
    ids::{MapName, ZoneId},
    log::{Admission, Log, LogError, Stored, memory::MemoryLog},
    object::Sheet,
    testing::{Daemon, FaultyLog, MemoryKeeper},
    world::{
        hooks::{Answer, Call, Failure as Failed, Hook, Hooks, NoScripts},
        physics::Physics,
    },
};
use futures::{StreamExt, poll};
use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

const IDLE: Duration = Duration::from_secs(300);

struct Place {
    memory: Arc<MemoryLog>,
    log: Arc<FaultyLog>,
    keeper: Arc<MemoryKeeper>,
    clock: Clock,
    stop: CancellationToken,
}

impl Place {
    fn new() -> Self {
        let memory = Arc::new(MemoryLog::new());
        Self {
            log: FaultyLog::over(memory.clone()),
            memory,
            keeper: MemoryKeeper::new(),
            clock: Clock::of_tokio(),
            stop: CancellationToken::new(),
        }
    }

    fn id() -> ZoneId {
        "shared/garden".parse().unwrap()
    }

    /// The zone with an owner of this epoch, and how many players it says are there.
    fn zone(&self, epoch: u64) -> (Zone, watch::Receiver<usize>) {
        let id = Self::id();
        let (players, counted) = watch::channel(0);
        let zone = Zone {
            map: Content::embedded().unwrap().map(id.map()).unwrap(),
            id,
            epoch,
            log: self.log.clone(),
            keeper: self.keeper.clone(),
            scripts: Arc::new(|| Ok(Box::new(NoScripts))),
            physics: Physics::On,
            idle: IDLE,
            clock: self.clock.clone(),
            sessions: watch::channel(None).1,
            players,
        };
        (zone, counted)
    }

    async fn run(&self, epoch: u64) -> Result<End, Failure> {
        self.zone(epoch).0.run(&self.stop).await
    }

    async fn stored(&self) -> Stored {
        self.memory.stored(&Self::id()).await.unwrap().unwrap()
    }

    async fn enter(&self) {
        enter(&self.memory, "Ann", "shared/garden").await;
    }

    async fn does(&self, seq: u64, action: Action) {
        let command = Command {
            character: "Ann".parse().unwrap(),
            session: "0123456789abcdef".parse().unwrap(),
            seq,
            action,
        };
        self.memory.append(&command).await.unwrap();
    }
}

async fn enter(log: &MemoryLog, name: &str, zone: &str) {
    let admission = Admission {
        character: name.parse().unwrap(),
        session: "0123456789abcdef".parse().unwrap(),
        epoch: 1,
        zone: zone.parse().unwrap(),
        arrival: Arrival {
            account: name.parse().unwrap(),
            at: None,
            sheet: Sheet::default(),
            seq: 0,
        },
    };
    log.admit(&admission).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_zone_sleeps_when_nobody_was_there_for_long() {
    let place = Place::new();
    let began = place.clock.now();
    assert_eq!(place.run(1).await.unwrap(), End::Idle);
    let took = place.clock.now() - began;
    assert!((300_000..302_000).contains(&took), "{took} ms");
    // It is stored, and nothing is due there.
    assert_eq!(place.stored().await.epoch, 1);
    let due = place.memory.due(u64::MAX, 9).await.unwrap();
    assert_eq!(due, []);
}

#[tokio::test(start_paused = true)]
async fn a_zone_does_not_sleep_while_somebody_is_there() {
    let place = Place::new();
    place.enter().await;
    let (zone, counted) = place.zone(1);
    let run = zone.run(&place.stop);
    assert!(timeout(10 * IDLE, run).await.is_err());
    assert_eq!(*counted.borrow(), 1);
    // The next owner goes on until she has left.
    place.does(0, Action::Leave).await;
    let began = place.clock.now();
    assert_eq!(place.run(2).await.unwrap(), End::Idle);
    assert!(place.clock.now() - began >= 300_000);
}

#[tokio::test(start_paused = true)]
async fn a_zone_where_nothing_happens_looks_twice_in_three_seconds_and_hardly_commits() {
    let place = Place::new();
    place.enter().await;
    let (zone, _counted) = place.zone(1);
    let minute = Duration::from_secs(60);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(minute, &mut run).await.is_err());
    let (reads, rev) = (place.log.reads(), place.stored().await.rev);
    assert!(timeout(minute, &mut run).await.is_err());
    assert!(place.log.reads() - reads <= 40);
    // That the zone is to be started if this owner ends.
    assert!(place.stored().await.rev <= rev + 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_on_before_a_commit_is_done() {
    let place = Place::new();
    place.enter().await;
    let (zone, _counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place.log.hold_commits(true);
    place
        .does(
            1,
            Action::Status {
                text: "here".into(),
            },
        )
        .await;
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    let (reads, rev) = (place.log.reads(), place.stored().await.rev);
    // The log is away for an hour, at the worst moment.
    place.log.set_away(true);
    place.log.hold_commits(false);
    assert!(timeout(Duration::from_secs(3_600), &mut run).await.is_err());
    assert_eq!((place.log.reads(), place.stored().await.rev), (reads, rev));
    place.log.set_away(false);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    assert!(place.stored().await.rev > rev);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_the_log_has_lost_goes_on_as_it_was_saved() {
    let place = Place::new();
    place.enter().await;
    let (zone, counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    let saved = place.stored().await;
    place.keeper.zones.lock().insert(Place::id(), saved.clone());
    assert_eq!(*counted.borrow(), 1);
    place.memory.lose();
    // The gateway notices that the log does not know her, and has her come in anew.
    place.enter().await;
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    let stored = place.stored().await;
    assert!(stored.rev > saved.rev + 1_000_000);
    assert_eq!(stored.objects.len(), saved.objects.len());
    assert_eq!(*counted.borrow(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_the_log_has_lost_ends_if_the_keeper_is_away() {
    let place = Place::new();
    place.enter().await;
    let (zone, _counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place.memory.lose();
    place.keeper.is_away.store(true, SeqCst);
    place.enter().await;
    let failure = run.await.unwrap_err();
    assert!(matches!(failure, Failure::Keeper(_)), "{failure}");
    assert_eq!(place.memory.stored(&Place::id()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_owner_ends_when_a_later_one_has_taken_the_zone() {
    let place = Place::new();
    place.enter().await;
    let (zone, _counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place.memory.take(&Place::id(), 2).await.unwrap();
    place
        .does(
            1,
            Action::Status {
                text: "here".into(),
            },
        )
        .await;
    let failure = run.await.unwrap_err();
    assert!(
        matches!(failure, Failure::Log(LogError::Fenced(_))),
        "{failure}"
    );
    // An earlier owner does not come to load it.
    assert!(place.run(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_told_to_stop_has_committed_all_that_it_has_read() {
    let place = Place::new();
    place.enter().await;
    let (zone, _counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place.log.hold_commits(true);
    place
        .does(
            1,
            Action::Status {
                text: "here".into(),
            },
        )
        .await;
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place.stop.cancel();
    let rev = place.stored().await.rev;
    let (ended, ()) = tokio::join!(run, async {
        sleep(Duration::from_secs(1)).await;
        place.log.hold_commits(false);
    });
    assert_eq!(ended.unwrap(), End::Stopped);
    assert_eq!(place.stored().await.rev, rev + 1);
}

/// A defect of the program itself.
struct Defect;

impl Hooks for Defect {
    fn call(&mut self, _: &MapName, call: &Call<'_>) -> Result<Option<Answer>, Failed> {
        let about = [call.actor, call.other];
        let is_ann = about.into_iter().flatten().any(|it| it.name == "Ann");
        assert!(call.hook != Hook::Enter || !is_ann, "a defect");
        Ok(None)
    }

    fn edited(&mut self) -> Vec<MapName> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_zone_that_panics_is_released_and_the_others_of_its_host_go_on() {
    let (daemon, log) = (Daemon::start(), Arc::new(MemoryLog::new()));
    let (names, shared) = (
        daemon.names(),
        daemon.shared(log.clone(), MemoryKeeper::new()),
    );
    let of_host = shared.names.clone();
    let content = Content::embedded().unwrap();
    let host = Host::start(Settings::default(), shared, content).await;
    let (mut host, until) = (host.unwrap(), CancellationToken::new());
    host.crew.scripts = Arc::new(|| Ok(Box::new(Defect)));
    let mut run = Box::pin(host.run(until.clone()));
    assert!(poll!(&mut run).is_pending());
    of_host.resolve("known").await.unwrap();
    let run = tokio::spawn(run);
    let start = async |key| names.resolve(key).or_start("").await.unwrap().epoch;
    let (meadow, cellar) = ("zone/shared/meadow", "zone/shared/cellar");
    start(meadow).await;
    let epoch = start(cellar).await;
    enter(&log, "Ann", "shared/meadow").await;
    let mut watch = names.watch(meadow);
    while watch.next().await.unwrap().unwrap().get(meadow).is_some() {}
    enter(&log, "Bob", "shared/cellar").await;
    let id = "shared/cellar".parse().unwrap();
    let is_bob = |it: &crate::object::Object| it.name == "Bob";
    while !log
        .stored(&id)
        .await
        .unwrap()
        .is_some_and(|it| it.objects.iter().any(is_bob))
    {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(start(cellar).await, epoch);
    until.cancel();
    run.await.unwrap().unwrap();
}

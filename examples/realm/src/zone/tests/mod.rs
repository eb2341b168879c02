//! Zones that run on a log in memory, in time that goes as fast as nothing is to be done.

mod broken;

use super::{
    loading::Failure,
    running::{End, Zone},
    sessions::Sessions,
};
use crate::{
    clock::Clock,
    command::{Action, Arrival, Command},
    content::Content,
    ids::{SessionId, ZoneId},
    log::{Admission, Log, LogError, Stored, memory::MemoryLog},
    object::Sheet,
    roles,
    testing::{Daemon, FaultyLog, MemoryKeeper},
    world::{hooks::NoScripts, physics::Physics},
};
use broken::Defect;
use futures::StreamExt;
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
        self.does_as("Ann", seq, action).await;
    }

    async fn does_as(&self, name: &str, seq: u64, action: Action) {
        let command = Command {
            character: name.parse().unwrap(),
            session: session(),
            seq,
            action,
        };
        self.memory.append(&command).await.unwrap();
    }
}

/// The session of everybody who comes in here.
fn session() -> SessionId {
    "0123456789abcdef".parse().unwrap()
}

async fn enter(log: &MemoryLog, name: &str, zone: &str) {
    let admission = Admission {
        character: name.parse().unwrap(),
        session: session(),
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

/// What a host knows while these accounts' sessions are claimed.
async fn claimed(sessions: &[(&str, SessionId)]) -> Sessions {
    let daemon = Daemon::start();
    let (names, mut claims) = (daemon.names(), Vec::new());
    for (account, session) in sessions {
        let key = roles::session_key(&account.parse().unwrap());
        claims.push(names.claim(&key).value(session.hash()).await.unwrap());
    }
    let mut watch = names.watch(roles::SESSIONS);
    loop {
        let snapshot = watch.next().await.unwrap().unwrap();
        if snapshot.len() == claims.len() {
            return Some(snapshot);
        }
    }
}

/// Ann plays; Bob's player plays another character by now; Cat's gateway and its claim are gone.
#[tokio::test]
async fn a_player_whose_session_nobody_claims_leaves_after_30_s() {
    let others = "fedcba9876543210".parse().unwrap();
    let sessions = claimed(&[("Ann", session()), ("Bob", others)]).await;
    tokio::time::pause();
    let place = Place::new();
    for name in ["Ann", "Bob", "Cat"] {
        enter(&place.memory, name, "shared/garden").await;
    }
    let (mut zone, counted) = place.zone(1);
    zone.sessions = watch::channel(sessions).1;
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(29), &mut run).await.is_err());
    assert_eq!(*counted.borrow(), 3);
    assert!(timeout(Duration::from_secs(5), &mut run).await.is_err());
    let players = place.stored().await.objects;
    let mut players = players.iter().filter_map(|it| it.player.as_ref());
    assert_eq!(players.next().unwrap().name.as_str(), "Ann");
    assert!(players.next().is_none());
    assert_eq!(*counted.borrow(), 1);
}

/// How often a zone reads in a second in which Bob walks.
async fn ticks_beside(other: impl Future<Output = ()>) -> usize {
    let place = Place::new();
    enter(&place.memory, "Bob", "shared/garden").await;
    let (zone, _counted) = place.zone(1);
    let run = zone.run(&place.stop);
    tokio::pin!(run);
    assert!(timeout(Duration::from_secs(9), &mut run).await.is_err());
    place
        .does_as("Bob", 1, Action::Move { dx: 0.0, dy: 15.0 })
        .await;
    assert!(timeout(Duration::from_secs(1), &mut run).await.is_err());
    let before = place.log.reads();
    let (ended, ()) = tokio::join!(timeout(Duration::from_secs(1), run), other);
    assert!(ended.is_err());
    place.log.reads() - before
}

/// In time that only timers move on, a zone beside one that crashes does what it does alone.
#[tokio::test(start_paused = true)]
async fn the_ticks_of_a_zone_are_the_same_while_another_one_crashes() {
    let alone = ticks_beside(async {}).await;
    assert_eq!(alone, 20);
    let other = Place::new();
    let (mut zone, _counted) = other.zone(1);
    zone.scripts = Arc::new(|| Ok(Box::new(Defect)));
    let stop = other.stop.clone();
    let crashes = tokio::spawn(async move { zone.run(&stop).await });
    let beside = ticks_beside(async {
        other.enter().await;
        assert!(crashes.await.unwrap_err().is_panic());
    });
    assert_eq!(beside.await, alone);
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

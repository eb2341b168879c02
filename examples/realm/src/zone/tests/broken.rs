//! A host with zones that fail.

use super::enter;
use crate::{
    command::Output,
    content::Content,
    ids::MapName,
    log::{Commit, Cursor, Log, memory::MemoryLog},
    object::Object,
    testing::{Daemon, MemoryKeeper, run_host},
    world::hooks::{Answer, Call, Failure, Hook, Hooks},
    zone::{Host, Settings, quarantine::Quarantine},
};
use futures::StreamExt;
use metaserve::Backoff;
use metaserve_client::names::Names;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

/// A defect of the program itself.
pub(super) struct Defect;

impl Hooks for Defect {
    fn call(&mut self, _: &MapName, call: &Call<'_>) -> Result<Option<Answer>, Failure> {
        let about = [call.actor, call.other];
        let is_ann = about.into_iter().flatten().any(|it| it.name == "Ann");
        assert!(call.hook != Hook::Enter || !is_ann, "a defect");
        Ok(None)
    }

    fn edited(&mut self) -> Vec<MapName> {
        Vec::new()
    }
}

/// A host of a world in which Ann's coming in is a defect, and what it is asked by.
struct Broken {
    daemon: Daemon,
    log: Arc<MemoryLog>,
    /// How often a zone was loaded.
    loaded: Arc<AtomicUsize>,
    until: CancellationToken,
    run: JoinHandle<anyhow::Result<()>>,
}

impl Broken {
    async fn start(quarantine: Quarantine) -> Self {
        let (daemon, log) = (Daemon::start(), Arc::new(MemoryLog::new()));
        let shared = daemon.shared(log.clone(), MemoryKeeper::new());
        let of_host = shared.names.clone();
        let content = Content::embedded().unwrap();
        let host = Host::start(Settings::default(), shared, content).await;
        let (mut host, until) = (host.unwrap(), CancellationToken::new());
        let loaded = Arc::new(AtomicUsize::new(0));
        let counted = loaded.clone();
        host.crew.quarantine = Arc::new(quarantine);
        host.crew.scripts = Arc::new(move || {
            counted.fetch_add(1, SeqCst);
            Ok(Box::new(Defect))
        });
        let run = run_host(host, &of_host, until.clone()).await;
        Self {
            daemon,
            log,
            loaded,
            until,
            run,
        }
    }

    async fn ends(self) {
        self.until.cancel();
        self.run.await.unwrap().unwrap();
    }
}

/// Waits until nobody has the zone.
async fn is_free(names: &Names, key: &str) {
    let mut watch = names.watch(key);
    while watch.next().await.unwrap().unwrap().get(key).is_some() {}
}

const MEADOW: &str = "zone/shared/meadow";
const CELLAR: &str = "zone/shared/cellar";

#[tokio::test]
async fn a_zone_that_panics_is_released_and_the_others_of_its_host_go_on() {
    let host = Broken::start(Quarantine::default()).await;
    let (names, log) = (host.daemon.names(), &host.log);
    let start = async |key| names.resolve(key).or_start("").await.unwrap().epoch;
    start(MEADOW).await;
    let epoch = start(CELLAR).await;
    enter(log, "Ann", "shared/meadow").await;
    is_free(&names, MEADOW).await;
    enter(log, "Bob", "shared/cellar").await;
    let id = "shared/cellar".parse().unwrap();
    let is_bob = |it: &Object| it.name == "Bob";
    while !log
        .stored(&id)
        .await
        .unwrap()
        .is_some_and(|it| it.objects.iter().any(is_bob))
    {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(start(CELLAR).await, epoch);
    host.ends().await;
}

/// What makes it panic is still to be done, so that it panics at each start.
#[tokio::test]
async fn a_zone_that_panics_at_each_start_is_refused_in_words_for_a_while() {
    let day = Duration::from_secs(86_400);
    let host = Broken::start(Quarantine::new(Backoff::new(day, day))).await;
    let names = host.daemon.names();
    enter(&host.log, "Ann", "shared/meadow").await;
    names.resolve(MEADOW).or_start("").await.unwrap();
    is_free(&names, MEADOW).await;
    for _ in 0..20 {
        let refused = names.resolve(MEADOW).or_start("").await;
        let words = refused.unwrap_err().to_string();
        assert!(words.contains("it has failed here"), "{words}");
    }
    names.resolve(CELLAR).or_start("").await.unwrap();
    assert_eq!(host.loaded.load(SeqCst), 2);
    host.ends().await;
}

/// Its state is of a later version.
#[tokio::test]
async fn a_zone_that_cannot_be_read_is_refused_before_it_is_claimed() {
    let host = Broken::start(Quarantine::default()).await;
    let names = host.daemon.names();
    let id = "shared/meadow".parse().unwrap();
    host.log.take(&id, 1).await.unwrap();
    let commit = Commit {
        epoch: 1,
        rev: 1,
        cursor: Cursor::default(),
        world: serde_json::json!({ "format": 1_000 }),
        changed: Vec::new(),
        gone: Vec::new(),
        output: Output::default(),
        travellers: Vec::new(),
        leavers: Vec::new(),
        whispers: Vec::new(),
        wake: None,
    };
    host.log.commit(&id, &commit).await.unwrap();
    let refused = names.resolve(MEADOW).or_start("").await;
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("format 1000"), "{words}");
    assert_eq!(host.loaded.load(SeqCst), 0);
    host.ends().await;
}

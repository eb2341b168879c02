//! A world for tests: a daemon, a log, a keeper, and hosts that start, crash and are drained.

use futures::StreamExt;
use metaserve_client::names::{Entry, Found, Names, StartError};
use realm::{
    command::{Action, Arrival, Command, Happening, Output},
    content::Content,
    ids::{Name, SessionId, ZoneId},
    keeper::Keeper,
    log::{Admission, Commit, Log, Outputs, Rev, Stored, memory::MemoryLog},
    object::Sheet,
    roles::Owner,
    scheduler,
    shared::Shared,
    testing::{self, Daemon, MemoryKeeper},
    zone::{Host, Settings},
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// What `what` says, or the test ends.
pub(crate) async fn patiently<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(LONG, wait).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub(crate) fn zone(id: &str) -> ZoneId {
    id.parse().unwrap()
}

pub(crate) struct Realm {
    pub(crate) daemon: Daemon,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) keeper: Arc<MemoryKeeper>,
    /// Of whoever asks.
    pub(crate) names: Names,
}

/// A host or a scheduler, as if it was a process of its own.
pub(crate) struct Process {
    until: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Realm {
    pub(crate) fn start() -> Self {
        let daemon = Daemon::start();
        Self {
            names: daemon.names(),
            daemon,
            log: Arc::new(MemoryLog::new()),
            keeper: MemoryKeeper::new(),
        }
    }

    pub(crate) async fn host(&self, name: &str) -> Process {
        self.host_on(name, self.log.clone()).await
    }

    /// A host that reaches the log by this way.
    pub(crate) async fn host_on(&self, name: &str, log: Arc<dyn Log>) -> Process {
        let shared = self.daemon.shared(log, self.keeper.clone());
        self.host_of(name, shared, Settings::default()).await
    }

    pub(crate) async fn host_with(&self, name: &str, settings: Settings) -> Process {
        let shared = self.daemon.shared(self.log.clone(), self.keeper.clone());
        self.host_of(name, shared, settings).await
    }

    pub(crate) async fn host_by(&self, name: &str, keeper: Arc<dyn Keeper>) -> Process {
        let shared = self.daemon.shared(self.log.clone(), keeper);
        self.host_of(name, shared, Settings::default()).await
    }

    async fn host_of(&self, name: &str, shared: Shared, settings: Settings) -> Process {
        let settings = Settings {
            name: name.into(),
            ..settings
        };
        let names = shared.names.clone();
        let host = Host::start(settings, shared, Content::embedded().unwrap());
        let (host, until) = (host.await.unwrap(), CancellationToken::new());
        let run = testing::run_host(host, &names, until.clone());
        let task = patiently("the host's offer", run).await;
        Process { until, task }
    }

    pub(crate) fn scheduler(&self, name: &str) -> Process {
        let settings = scheduler::Settings {
            name: name.into(),
            ..scheduler::Settings::default()
        };
        let shared = self.daemon.shared(self.log.clone(), self.keeper.clone());
        let until = CancellationToken::new();
        let task = tokio::spawn(scheduler::run(shared, settings, until.clone()));
        Process { until, task }
    }

    /// Asks for a zone, and has it started if it is absent.
    pub(crate) async fn ask(&self, id: &str) -> Result<Found, StartError> {
        let start = self.names.resolve(zone(id).key()).or_start("");
        patiently("an answer", start.within(LONG).into_future()).await
    }

    /// As [`ask`](Self::ask), until somebody can start it.
    pub(crate) async fn owner(&self, id: &str) -> Owner {
        let found = async {
            loop {
                if let Ok(found) = self.ask(id).await {
                    return Owner::of(&found.value).unwrap();
                }
            }
        };
        patiently("an owner", found).await
    }

    /// Who holds a zone, when that is as wanted: without asking for it.
    pub(crate) async fn held(&self, id: &str, wanted: impl Fn(Option<&Entry>) -> bool) {
        let key = zone(id).key();
        let mut watch = self.names.watch(&key);
        let seen = async {
            while let Some(snapshot) = watch.next().await {
                if wanted(snapshot.unwrap().get(&key)) {
                    return;
                }
            }
            panic!("the watch has ended");
        };
        patiently("an owner that is wanted", seen).await;
    }

    /// Waits until the daemon knows that this owner is gone.
    pub(crate) async fn gone(&self, id: &str, epoch: u64) {
        self.held(id, |it| it.is_none_or(|it| it.epoch > epoch))
            .await;
    }

    /// The zone as it is stored, as soon as it is.
    pub(crate) async fn stored(&self, id: &str) -> Stored {
        let id = zone(id);
        let stored = async {
            loop {
                if let Some(stored) = self.log.stored(&id).await.unwrap() {
                    return stored;
                }
                tokio::task::yield_now().await;
            }
        };
        patiently("a first commit", stored).await
    }

    /// A commit that its last owner could make, and that changes nothing.
    pub(crate) async fn next_commit(&self, id: &str) -> Commit {
        let stored = self.stored(id).await;
        Commit {
            epoch: stored.epoch,
            rev: stored.rev + 1,
            cursor: stored.cursor,
            world: stored.world,
            changed: Vec::new(),
            gone: Vec::new(),
            output: Output::default(),
            travellers: Vec::new(),
            leavers: Vec::new(),
            whispers: Vec::new(),
            wake: None,
        }
    }

    /// Brings a character into the world, with a session.
    pub(crate) async fn enter(&self, name: &str, id: &str) -> Player {
        let player = Player {
            log: self.log.clone(),
            name: name.parse().unwrap(),
            session: "0123456789abcdef".parse().unwrap(),
        };
        let admission = Admission {
            character: player.name.clone(),
            session: player.session.clone(),
            epoch: 1,
            zone: zone(id),
            arrival: Arrival {
                account: player.name.clone(),
                at: None,
                sheet: Sheet::default(),
                seq: 0,
            },
        };
        self.log.admit(&admission).await.unwrap();
        player
    }

    /// What is said in a zone after a revision, until somebody says these words.
    pub(crate) async fn hear(&self, id: &str, mut after: Rev, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        let listen = async {
            loop {
                let outputs = self.log.outputs(&zone(id), after, 100, LONG).await.unwrap();
                let Outputs::Since(outputs) = outputs else {
                    panic!("there is a gap after {after}");
                };
                for (rev, output) in outputs {
                    after = rev;
                    for event in output.events {
                        if let Happening::Said { text, .. } = event.what {
                            heard.push(text);
                        }
                    }
                }
                if heard.iter().any(|it| it == last) {
                    return;
                }
            }
        };
        patiently(last, listen).await;
        heard
    }
}

impl Process {
    /// Ends as after SIGTERM, and says how.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.until.cancel();
        patiently("the end of a process", self.task).await.unwrap()
    }

    /// Ends at once, as after SIGKILL; its connections as well.
    pub(crate) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub(crate) struct Player {
    log: Arc<MemoryLog>,
    pub(crate) name: Name,
    session: SessionId,
}

impl Player {
    pub(crate) async fn does(&self, seq: u64, action: Action) {
        let command = Command {
            character: self.name.clone(),
            session: self.session.clone(),
            seq,
            action,
        };
        self.log.append(&command).await.unwrap();
    }

    /// Says its number.
    pub(crate) async fn says(&self, seq: u64) {
        let text = seq.to_string();
        self.does(seq, Action::Say { text }).await;
    }
}

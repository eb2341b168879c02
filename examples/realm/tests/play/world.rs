//! A world for tests: a daemon, a log, hosts and gateways, all in this process and each with a
//! connection for names of its own, as processes have.

use metaserve_client::names::Names;
use metaserve_ticket::{Claims, Issuer, PublicKeys, SecretKey};
use realm::{
    content::Content,
    gateway::{self, Gateway},
    ids::Name,
    keeper::Character,
    log::{Log, memory::MemoryLog},
    object::Sheet,
    play,
    shared::Shared,
    testing::{self, Daemon, MemoryKeeper},
    tickets::{AUDIENCE, Tickets},
    zone::{self, Host},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::{
    runtime::{self, Handle, Runtime},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// What comes of `wait`, or the test ends.
pub(crate) async fn patiently<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(LONG, wait).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A gate, an apple and a stone within reach of who comes in.
const MEADOW: &str = r#"
title = "Meadow"
ground = "grass"
width = 60
height = 40
start = { x = 30, y = 20 }

[[object]]
id = "gate"
kind = "gate"
name = "gate"
x = 30
y = 19
radius = 0.3
gate = { map = "cellar", x = 5, y = 5 }

[[object]]
id = "apple"
kind = "item"
name = "apple"
x = 30
y = 21
radius = 0.1
item = { kind = "apple" }
"#;

const CELLAR: &str = r#"
title = "Cellar"
ground = "stone"
width = 20
height = 20
start = { x = 5, y = 5 }
"#;

pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) keeper: Arc<MemoryKeeper>,
    issuer: Issuer,
    folder: TempDir,
}

/// A host or a gateway, as if it was a process of its own.
pub(crate) struct Process {
    pub(crate) url: String,
    names: Names,
    until: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maps = folder.path().join("maps");
        std::fs::create_dir_all(&maps).unwrap();
        std::fs::create_dir_all(folder.path().join("scripts")).unwrap();
        std::fs::write(maps.join("meadow.toml"), MEADOW).unwrap();
        std::fs::write(maps.join("cellar.toml"), CELLAR).unwrap();
        Self {
            daemon: Daemon::start(),
            log: Arc::new(MemoryLog::new()),
            keeper: MemoryKeeper::new(),
            issuer: Issuer::new(SecretKey::generate()),
            folder,
        }
    }

    /// A world with one host and one gateway.
    pub(crate) async fn with_gateway() -> (Self, Process, Process) {
        let world = Self::start();
        let host = world.host("host-1").await;
        let gateway = world.gateway().await;
        (world, host, gateway)
    }

    /// Makes a character that is in the meadow.
    pub(crate) fn character(&self, account: &str, character: &str) {
        self.character_in(account, character, "shared/meadow");
    }

    pub(crate) fn character_in(&self, account: &str, character: &str, zone: &str) {
        let known = Character {
            name: name(character),
            account: name(account),
            zone: zone.parse().unwrap(),
            at: None,
            sheet: Sheet::default(),
        };
        let folded = known.name.folded();
        self.keeper.characters.lock().insert(folded, known);
    }

    /// The ticket of a log-in.
    pub(crate) fn ticket(&self, account: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "a ticket is valid from now on")]
        self.ticket_with(account, "login", AUDIENCE, SystemTime::now())
    }

    /// A ticket that is valid for an hour from then on.
    pub(crate) fn ticket_with(
        &self,
        subject: &str,
        scope: &str,
        audience: &str,
        from: SystemTime,
    ) -> String {
        let scopes = vec![scope.parse().unwrap()];
        let hour = Duration::from_secs(3_600);
        let claims = Claims::new(subject, audience, scopes, from, hour);
        self.issuer.issue(&claims).unwrap()
    }

    /// What a process shares.
    fn shared(&self) -> Shared {
        Shared {
            tickets: Tickets::new(PublicKeys::from_iter([self.issuer.public()])),
            ..self.daemon.shared(self.log.clone(), self.keeper.clone())
        }
    }

    pub(crate) async fn host(&self, host: &str) -> Process {
        let settings = zone::Settings {
            name: host.into(),
            ..zone::Settings::default()
        };
        self.host_with(settings).await
    }

    pub(crate) async fn host_with(&self, settings: zone::Settings) -> Process {
        let shared = self.shared();
        let names = shared.names.clone();
        let content = Content::load(Some(self.folder.path())).unwrap();
        let host = Host::start(settings, shared, content).await.unwrap();
        let (url, until) = (host.url().to_owned(), CancellationToken::new());
        let run = testing::run_host(host, &names, until.clone());
        let task = patiently("the host's offer", run).await;
        Process {
            url,
            names,
            until,
            task,
        }
    }

    /// A gateway whose connections end without a word when it is killed.
    pub(crate) async fn gateway_apart(&self) -> (Process, Runtime) {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = {
            let _inside = runtime.enter();
            self.shared()
        };
        (
            self.gateway_in(&runtime.handle().clone(), shared).await,
            runtime,
        )
    }

    /// A gateway with a log of its own.
    pub(crate) async fn gateway_over(&self, log: Arc<dyn Log>) -> Process {
        let shared = Shared {
            log,
            ..self.shared()
        };
        self.gateway_in(&Handle::current(), shared).await
    }

    async fn gateway_in(&self, runtime: &Handle, shared: Shared) -> Process {
        let settings = gateway::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            play: play::Settings::default(),
        };
        let names = shared.names.clone();
        let gateway = runtime.spawn(Gateway::start(settings, shared)).await;
        let gateway = gateway.unwrap().unwrap();
        let (url, until) = (gateway.url(), CancellationToken::new());
        let task = runtime.spawn(gateway.run(until.clone()));
        Process {
            url,
            names,
            until,
            task,
        }
    }

    pub(crate) async fn gateway(&self) -> Process {
        self.gateway_with(play::Settings::default()).await
    }

    pub(crate) async fn gateway_with(&self, play: play::Settings) -> Process {
        let settings = gateway::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            play,
        };
        let shared = self.shared();
        let names = shared.names.clone();
        let gateway = Gateway::start(settings, shared).await.unwrap();
        let (url, until) = (gateway.url(), CancellationToken::new());
        let task = tokio::spawn(gateway.run(until.clone()));
        Process {
            url,
            names,
            until,
            task,
        }
    }

    /// Waits until the log says what is wanted of a character.
    pub(crate) async fn whereabouts(
        &self,
        character: &str,
        wanted: impl Fn(&realm::log::Whereabouts) -> bool,
    ) {
        let character = name(character);
        let seen = async {
            loop {
                let at = self.log.whereabouts(&character).await.unwrap();
                if at.is_some_and(|it| wanted(&it)) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        patiently("a character where it should be", seen).await;
    }
}

impl Process {
    /// Ends as after SIGTERM.
    pub(crate) async fn stop(self) {
        self.until.cancel();
        let ended = patiently("the end of a process", self.task).await;
        ended.unwrap().unwrap();
        self.names.close().await;
    }

    /// Ends at once, as after SIGKILL: what it holds is free some seconds later at the earliest.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.names.close().await;
    }
}

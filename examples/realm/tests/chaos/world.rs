//! A daemon, a log, three zones in a circle, and everybody's characters.

use crate::{
    bots::{Played, now},
    record::Record,
};
use async_trait::async_trait;
use bytes::Bytes;
use metaserve::Fingerprint;
use metaserve_client::names::{Connector, Names};
use metaserve_daemon::settings::Http;
use metaserve_ticket::{Claims, Issuer, PublicKeys, SecretKey};
use realm::{
    content::Content,
    gateway::{self, Gateway},
    ids::{Name, ZoneId},
    keeper::{Character, Keeper, KeeperError},
    log::{Log, Stored},
    object::Sheet,
    play,
    roles::Owner,
    scheduler,
    shared::Shared,
    tickets::{AUDIENCE, Tickets},
};
use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const ZONES: [&str; 3] = ["meadow", "cellar", "garden"];

/// What every process of a world has to know.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) daemon: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: PublicKeys,
}

pub(super) struct World {
    pub(super) log: Arc<dyn Log>,
    pub(super) found: Found,
    issuer: Issuer,
    directory: TempDir,
    record: Record,
    names: Names,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl World {
    /// Starts a daemon and a scheduler in this process.
    pub(super) fn new(log: Arc<dyn Log>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = metaserve_daemon::Settings::new(directory.path().join("daemon"));
        settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.http = Http::Off;
        settings.threads = Some(1);
        settings.names.is_on = true;
        let daemon = metaserve_daemon::Daemon::start(settings).unwrap();
        let issuer = Issuer::new(SecretKey::generate());
        let found = Found {
            daemon: daemon.local_address().unwrap().to_string(),
            fingerprint: daemon.fingerprint(),
            keys: PublicKeys::from_iter([issuer.public()]),
        };
        let record = Record::new();
        let mut tasks = vec![tokio::spawn(async move {
            let _ = daemon.run(std::future::pending()).await;
        })];
        let shared = found.shared(log.clone());
        let names = shared.names.clone();
        tasks.push(tokio::spawn(async move {
            let settings = scheduler::Settings::default();
            scheduler::run(shared, settings, CancellationToken::new())
                .await
                .unwrap();
        }));
        for zone in zones() {
            tasks.push(tokio::spawn(record.clone().listen(log.clone(), zone)));
        }
        write_maps(&directory.path().join("content/maps"));
        fs::create_dir(directory.path().join("content/scripts")).unwrap();
        Self {
            log,
            found,
            issuer,
            directory,
            record,
            names,
            tasks: tasks.into_iter().map(AbortOnDropHandle::new).collect(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn ticket(&self, name: &Name) -> String {
        let scopes = vec!["login".parse().unwrap()];
        #[expect(clippy::disallowed_methods, reason = "a ticket is valid from now on")]
        let now = std::time::SystemTime::now();
        let hour = Duration::from_secs(3_600);
        let claims = Claims::new(name.as_str(), AUDIENCE, scopes, now, hour);
        self.issuer.issue(&claims).unwrap()
    }

    /// A gateway in this process.
    pub(super) async fn gateway(&self) -> String {
        let gateway = gateway_of(self.found.shared(self.log.clone())).await;
        let url = gateway.url();
        tokio::spawn(gateway.run(CancellationToken::new()));
        url
    }

    /// Where a zone is served, and the epoch of its owner. It is started if it has none.
    pub(super) async fn owner(&self, zone: &ZoneId) -> (String, u64) {
        loop {
            if let Ok(found) = self.names.resolve(zone.key()).or_start("").await {
                return (Owner::of(&found.value).unwrap().url, found.epoch);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// How long it takes until a zone has a later owner than that of this epoch, if it is asked for.
    pub(super) fn later_owner(&self, zone: ZoneId, epoch: u64) -> AbortOnDropHandle<Duration> {
        let (log, since) = (self.log.clone(), now());
        let open = AbortOnDropHandle::new(tokio::spawn(open(self.names.clone(), zone.clone())));
        AbortOnDropHandle::new(tokio::spawn(async move {
            let _open = open;
            // It is away while it restarts.
            while !matches!(log.stored(&zone).await, Ok(Some(it)) if it.epoch > epoch) {
                sleep(Duration::from_millis(20)).await;
            }
            now() - since
        }))
    }

    async fn a_task_ends(&self) {
        while !self.tasks.iter().any(|it| it.is_finished()) {
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Everything that was accepted is done once and in order, and everybody is in one zone.
    pub(super) async fn compare(&self, played: &Played) {
        // The players have gone, so nobody else has zones started whose owners have ended.
        let open =
            zones().map(|it| AbortOnDropHandle::new(tokio::spawn(open(self.names.clone(), it))));
        let _open: Vec<_> = open.collect();
        tokio::select! {
            () = self.record.compare(played) => {}
            () = self.a_task_ends() => panic!("what the zones do is not heard any more"),
        }
        // Those who were on their way arrive.
        for name in played.accepted.keys() {
            while answered(|| self.log.absent(name)).await.is_some() {
                sleep(Duration::from_millis(50)).await;
            }
        }
        let mut there = Vec::new();
        for zone in zones() {
            let stored = answered(|| self.log.stored(&zone)).await;
            let players = stored
                .unwrap_or_default()
                .objects
                .into_iter()
                .filter_map(|it| it.player);
            there.extend(players.map(|it| (it.name, zone.clone())));
        }
        there.sort();
        let mut says = Vec::new();
        for name in played.accepted.keys() {
            let at = answered(|| self.log.whereabouts(name)).await.unwrap();
            if at.present {
                says.push((name.clone(), at.zone));
            }
        }
        says.sort();
        assert_eq!(
            there, says,
            "the zones and the log agree where everybody is"
        );
    }
}

/// What the log answers: it may have restarted just now.
async fn answered<T, E>(ask: impl AsyncFn() -> Result<T, E>) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// All zones.
pub(super) fn zones() -> impl ExactSizeIterator<Item = ZoneId> {
    let zones = ZONES.into_iter();
    zones.map(|it| format!("shared/{it}").parse().unwrap())
}

/// Has a zone started whenever it has no owner.
async fn open(names: Names, zone: ZoneId) {
    loop {
        let _ = names.resolve(zone.key()).or_start("").await;
        sleep(Duration::from_secs(1)).await;
    }
}

impl Found {
    /// What a role of a process shares, with a connection of its own.
    pub(super) fn shared(&self, log: Arc<dyn Log>) -> Shared {
        let daemon = Connector::to(self.daemon.clone()).fingerprint(self.fingerprint);
        Shared {
            log,
            names: Names::maintain(daemon),
            tickets: Tickets::new(self.keys.clone()),
            keeper: Arc::new(Everybody),
            ticket: Bytes::new(),
        }
    }
}

/// A gateway that lets go of nobody before the test has ended.
pub(super) async fn gateway_of(shared: Shared) -> Gateway {
    let settings = gateway::Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        play: play::Settings {
            linger: Duration::from_secs(3_600),
            max_sockets_per_address: 1_000,
            ..play::Settings::default()
        },
    };
    Gateway::start(settings, shared).await.unwrap()
}

pub(super) fn content(directory: &Path) -> Content {
    Content::load(Some(&directory.join("content"))).unwrap()
}

/// Small rooms with a gate in the middle, which one reaches from everywhere.
fn write_maps(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (place, zone) in ZONES.into_iter().enumerate() {
        let next = ZONES[(place + 1) % ZONES.len()];
        let map = format!(
            "title = \"A room\"\nground = \"stone\"\nwidth = 8\nheight = 8\n\
             start = {{ x = 4, y = 4 }}\n\n[[object]]\nid = \"gate\"\nkind = \"gate\"\n\
             name = \"Gate\"\nx = 4\ny = 4\nradius = 4\ngate = {{ map = \"{next}\", x = 4, y = 4 }}\n"
        );
        fs::write(folder.join(format!("{zone}.toml")), map).unwrap();
    }
}

/// A keeper that knows everybody, and has never saved a zone.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Keeper for Everybody {
    async fn character(&self, _: &str, name: &Name) -> Result<Character, KeeperError> {
        Ok(Character {
            name: name.clone(),
            account: name.clone(),
            zone: "shared/meadow".parse().unwrap(),
            at: None,
            sheet: Sheet::default(),
        })
    }

    async fn zone(&self, _: &ZoneId) -> Result<Option<Stored>, KeeperError> {
        Ok(None)
    }
}

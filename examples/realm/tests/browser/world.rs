//! A whole world in this process: daemon, accounts over SQLite, a zone host, a gateway.

use crate::browser::patiently;
use parking_lot::Mutex;
use realm::{
    accounts::{Accounts, Settings, client::HttpKeeper, keys::Keys},
    content::Content,
    gateway::{self, Gateway},
    ids::ObjectId,
    log::{Log, memory::MemoryLog},
    object::Object,
    shared::Shared,
    testing::{self, Daemon},
    tickets::Tickets,
    zone::{self, Host},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub(crate) struct World {
    pub(crate) log: Arc<MemoryLog>,
    /// Where the page is.
    pub(crate) page: SocketAddr,
    daemon: Daemon,
    keys: Keys,
    gateway: Mutex<Option<Running>>,
    _roles: [AbortOnDropHandle<()>; 2],
}

/// A gateway that serves.
struct Running {
    until: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let daemon = Daemon::start();
        let log = Arc::new(MemoryLog::new());
        let settings = Settings::new(daemon.directory().join("accounts"));
        std::fs::create_dir_all(&settings.state).unwrap();
        let keys = Keys::in_directory(&settings.state).unwrap();
        let accounts = Accounts::start(settings, log.clone(), daemon.names());
        let accounts = accounts.await.unwrap();
        let accounts = async move {
            accounts.run(CancellationToken::new()).await.unwrap();
        };
        let shared = shared(&daemon, &keys, &log);
        let names = shared.names.clone();
        let host = Host::start(
            zone::Settings::default(),
            shared,
            Content::embedded().unwrap(),
        );
        let host = testing::run_host(host.await.unwrap(), &names, CancellationToken::new());
        let host = AbortOnDropHandle::new(host.await);
        let host = async move {
            host.await.unwrap().unwrap();
        };
        let mut world = Self {
            log,
            page: SocketAddr::from(([127, 0, 0, 1], 0)),
            daemon,
            keys,
            gateway: Mutex::default(),
            _roles: [
                AbortOnDropHandle::new(tokio::spawn(accounts)),
                AbortOnDropHandle::new(tokio::spawn(host)),
            ],
        };
        world.page = world.start_gateway(world.page).await;
        world
    }

    /// Starts a gateway, which is another process as far as the world can tell.
    async fn start_gateway(&self, listen: SocketAddr) -> SocketAddr {
        let settings = gateway::Settings {
            listen,
            ..gateway::Settings::default()
        };
        let shared = shared(&self.daemon, &self.keys, &self.log);
        let gateway = Gateway::start(settings, shared).await.unwrap();
        let address = gateway.url().trim_start_matches("http://").parse().unwrap();
        let until = CancellationToken::new();
        let task = tokio::spawn(gateway.run(until.clone()));
        *self.gateway.lock() = Some(Running { until, task });
        address
    }

    /// Ends the gateway.
    pub(crate) async fn stop_gateway(&self) {
        let running = self.gateway.lock().take().unwrap();
        running.until.cancel();
        patiently("the end of the gateway", running.task)
            .await
            .unwrap()
            .unwrap();
    }

    /// Starts another gateway at the same address.
    pub(crate) async fn restart_gateway(&self) {
        self.start_gateway(self.page).await;
    }

    /// An object of a zone as the log has it.
    pub(crate) async fn object(&self, zone: &str, id: &str) -> Option<Object> {
        let stored = self.log.stored(&zone.parse().unwrap()).await.unwrap();
        let id: ObjectId = id.parse().unwrap();
        stored?.objects.into_iter().find(|it| it.id == id)
    }

    /// Waits until an object of a zone is as wanted.
    pub(crate) async fn until(
        &self,
        zone: &str,
        id: &str,
        wanted: impl Fn(&Object) -> bool,
    ) -> Object {
        let search = async {
            loop {
                if let Some(object) = self.object(zone, id).await.filter(&wanted) {
                    return object;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        patiently(id, search).await
    }
}

fn shared(daemon: &Daemon, keys: &Keys, log: &Arc<MemoryLog>) -> Shared {
    let names = daemon.names();
    let ticket = keys.pass.service.clone();
    Shared {
        log: log.clone(),
        tickets: Tickets::new(keys.pass.public.clone()),
        keeper: Arc::new(HttpKeeper::new(names.clone(), ticket.clone())),
        names,
        ticket,
    }
}

//! The zone hosts of the process, which can be killed.

use super::Way;
use crate::{
    accounts::keys::Pass,
    cli,
    command_line::shared,
    content::Content,
    log::Log,
    zone::{self, Host},
};
use anyhow::Context;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The names of the hosts.
const NAMES: [&str; 2] = ["host-1", "host-2"];

/// After how long a host that was killed is started again.
const AGAIN: Duration = Duration::from_secs(3);

/// What every host is started with.
#[derive(Clone)]
struct Plan {
    settings: zone::Settings,
    way: Way,
    log: Arc<dyn Log>,
    pass: Pass,
    content: Content,
}

/// A host in a runtime of its own.
struct Running {
    /// Taken when the host ends.
    runtime: Option<Runtime>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// All hosts.
pub(super) struct Hosts {
    plan: Plan,
    running: Mutex<BTreeMap<&'static str, Running>>,
    stop: CancellationToken,
    starting: TaskTracker,
    /// Itself, for the tasks that start hosts again.
    this: std::sync::Weak<Self>,
}

impl Hosts {
    pub(super) async fn start(
        settings: zone::Settings,
        way: Way,
        log: Arc<dyn Log>,
        pass: Pass,
        content: Content,
    ) -> anyhow::Result<Arc<Self>> {
        let plan = Plan {
            settings,
            way,
            log,
            pass,
            content,
        };
        let hosts = Arc::new_cyclic(|this| Self {
            plan,
            running: Mutex::default(),
            stop: CancellationToken::new(),
            starting: TaskTracker::new(),
            this: this.clone(),
        });
        for name in NAMES {
            let running = hosts.plan.start(name).await?;
            hosts.running.lock().insert(name, running);
        }
        Ok(hosts)
    }

    /// Drains all hosts.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.starting.close();
        self.starting.wait().await;
        let running = std::mem::take(&mut *self.running.lock());
        for host in running.values() {
            host.stop.cancel();
        }
        for (name, mut host) in running {
            match (&mut host.task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("{name}: {error:#}"),
                Err(error) => tracing::warn!("{name}: {error}"),
            }
        }
    }

    async fn start_again(self: Arc<Self>, name: &'static str) {
        let start = async {
            loop {
                sleep(AGAIN).await;
                match self.plan.start(name).await {
                    Ok(running) => return running,
                    Err(error) => tracing::warn!("{name} is not started yet: {error:#}"),
                }
            }
        };
        if let Some(running) = self.stop.run_until_cancelled(start).await {
            self.running.lock().insert(name, running);
        }
    }
}

impl Plan {
    async fn start(&self, name: &'static str) -> anyhow::Result<Running> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build();
        let runtime = runtime.context("cannot start a runtime for a host")?;
        let stop = CancellationToken::new();
        let (plan, until) = (self.clone(), stop.clone());
        let starting = runtime.spawn(async move {
            let names = plan.way.names();
            let all = shared(plan.log, names.clone(), &plan.pass);
            let settings = zone::Settings {
                name: name.to_owned(),
                ..plan.settings
            };
            let host = Host::start(settings, all, plan.content).await?;
            anyhow::Ok((host, names))
        });
        let mut running = Running {
            runtime: Some(runtime),
            stop,
            task: tokio::spawn(async { Ok(()) }),
        };
        let (host, names) = starting.await??;
        if let Some(runtime) = &running.runtime {
            running.task = runtime.spawn(async move {
                let done = host.run(until).await;
                if let Err(error) = &done {
                    tracing::error!("{name} has ended, its zones go on at another host: {error:#}");
                }
                names.close().await;
                done
            });
        }
        Ok(running)
    }
}

impl Drop for Running {
    /// Ends all its tasks where they are.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl cli::Hosts for Hosts {
    async fn kill(&self, host: &str) -> Result<String, String> {
        let killed = {
            let mut running = self.running.lock();
            let name = running.keys().copied().find(|it| *it == host);
            name.and_then(|name| running.remove_entry(name))
        };
        let Some((name, running)) = killed else {
            return Err(format!("no host {host} is running: {}", NAMES.join(", ")));
        };
        drop(running);
        if let Some(this) = self.this.upgrade() {
            self.starting.spawn(this.start_again(name));
        }
        Ok(format!(
            "{name} is killed: its zones go on at another host in a few seconds"
        ))
    }
}

//! An agent, from start to end.

use crate::{
    publish::Publisher,
    push,
    settings::{AgentSettings, Server},
    watch::Servers,
};
use anyhow::Context;
use metaserve::{
    program::{Stopped, Vital},
    time,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Publishes game servers until it is closed.
#[derive(Debug)]
pub struct Agent {
    publisher: Publisher,
    servers: Servers,
    vital: Vital,
    closing: CancellationToken,
}

impl Agent {
    /// Starts publishing the servers of these settings. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When a daemon cannot be used, or the address for pushes. A game server that does not answer,
    /// or a daemon that does not, is no error: it is waited for.
    pub fn start(settings: &AgentSettings) -> anyhow::Result<Self> {
        let publisher = Publisher::new(&settings.daemons(), &settings.state_dir)
            .context("cannot publish to the daemon")?;
        let servers = Servers::new(publisher.clone(), &settings.state_dir, settings.max_pushed);
        let (vital, closing) = (Vital::default(), CancellationToken::new());
        // First of all: an agent that cannot start publishes nothing.
        let listener = settings.push.map(push::open).transpose()?;
        servers.adopt(settings.servers());
        if let Some(listener) = listener {
            tracing::info!("games push to http://{}", listener.local_addr()?);
            let push = push::run(listener, servers.clone(), closing.clone());
            vital.spawn("push", push);
        }
        let sweep = sweep(servers.clone());
        vital.spawn(
            "the sweep",
            closing.clone().run_until_cancelled_owned(sweep),
        );
        Ok(Self {
            publisher,
            servers,
            vital,
            closing,
        })
    }

    /// Replaces the game servers. Those that are the same are not touched.
    pub fn adopt(&self, servers: Vec<Server>) {
        self.servers.adopt(servers);
    }

    /// How it stands, in one line.
    #[must_use]
    pub fn status(&self) -> String {
        self.servers.count().to_string()
    }

    /// Completes when the game servers can be looked at: a sign of life.
    pub async fn pass(&self) {
        let _ = self.servers.count();
    }

    /// Completes when a part has failed that the agent cannot work without.
    pub async fn stopped(&self) -> Stopped {
        self.vital.stopped().await
    }

    /// Takes all servers off the list, and ends within seconds.
    pub async fn close(self) {
        self.closing.cancel();
        // What ended too early was reported by `stopped`, and no client of push is waited for.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.vital.join()).await;
        self.servers.clear();
        self.publisher.close().await;
    }
}

/// Takes servers off the list that have told nothing in time.
async fn sweep(servers: Servers) {
    let mut ticks = time::every(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        servers.sweep(time::now());
    }
}

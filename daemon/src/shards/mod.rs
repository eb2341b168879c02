//! One endpoint for each core.
//!
//! A **shard** is a thread with a runtime, a UDP socket and an endpoint of its own. All sockets
//! have the same address; the kernel shares out what arrives by the addresses of both ends, so a
//! peer's packets keep coming to one shard until its address changes. Then they may arrive at
//! another one, which hands them over.

mod handover;
mod routing;
pub(crate) mod socket;

pub(crate) use handover::HandedOver;

use crate::{daemon::DRAIN_TIMEOUT, rules::Certificates, settings::Settings};
use anyhow::Context;
use metaserve::{
    Limits,
    program::Vital,
    socket::{SocketRuntime, wrap},
};
use quinn::Runtime as _;
use std::{io, net::SocketAddr, sync::Arc, thread};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// All shards of a daemon.
pub(crate) struct Shards(Vec<Shard>);

struct Shard {
    endpoint: quinn::Endpoint,
    runtime: Handle,
}

/// The runtimes of the shards. They serve once they are [started](Self::start).
pub(crate) struct Threads(Vec<Runtime>);

/// Tells how the threads have ended, and when.
pub(crate) struct Ended {
    told: JoinHandle<bool>,
    threads: mpsc::Receiver<()>,
}

impl Shards {
    /// Opens the sockets and endpoints.
    pub(crate) fn open(
        settings: &Settings,
        certificates: &Certificates,
        limits: &Limits,
        count: &HandedOver,
    ) -> anyhow::Result<(Self, Threads)> {
        let running = settings.shards();
        let sockets = socket::open(settings.listen, running)?;
        let hand_overs = match running {
            1 => Vec::new(),
            _ => handover::between(running, certificates.connection_ids(), count),
        };
        let mut hand_overs = hand_overs.into_iter();
        // Of one configuration, so that an address is validated with one token once.
        let server = certificates.server_config(limits);
        let mut shards = Vec::with_capacity(running);
        let mut threads = Vec::with_capacity(running);
        for (own, socket) in sockets.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("cannot start a shard's runtime")?;
            let config = certificates.endpoint_config(own, running);
            let entered = runtime.enter();
            let socket = match hand_overs.next() {
                Some(hand_over) => wrap(socket, hand_over),
                None => SocketRuntime.wrap_udp_socket(socket),
            };
            let endpoint = socket.and_then(|socket| {
                let (server, runtime) = (Some(server.clone()), Arc::new(SocketRuntime));
                quinn::Endpoint::new_with_abstract_socket(config, server, socket, runtime)
            });
            let endpoint = endpoint.context("cannot use the UDP socket for QUIC")?;
            drop(entered);
            let handle = runtime.handle().clone();
            shards.push(Shard {
                endpoint,
                runtime: handle,
            });
            threads.push(runtime);
        }
        Ok((Self(shards), Threads(threads)))
    }

    /// Each endpoint, with the runtime that its connections are served in.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&quinn::Endpoint, &Handle)> {
        self.0.iter().map(|shard| (&shard.endpoint, &shard.runtime))
    }

    /// The address that all of them are reached at.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0[0].endpoint.local_addr()
    }

    /// Sets what new connections get; none to accept no more of them.
    pub(crate) fn set_server_config(&self, config: Option<&quinn::ServerConfig>) {
        for (endpoint, _) in self.iter() {
            endpoint.set_server_config(config.cloned());
        }
    }

    /// Completes when every shard has run a task that calls `look`.
    pub(crate) async fn pass_through(&self, look: impl Fn() + Clone + Send + 'static) {
        for (endpoint, runtime) in self.iter() {
            let (endpoint, look) = (endpoint.clone(), look.clone());
            let pass = async move {
                endpoint.open_connections();
                look();
            };
            let _ = runtime.spawn(pass).await;
        }
    }
}

/// Does not wait: a runtime that waits for its tasks must not be dropped by another one's task.
impl Drop for Threads {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Runtime::shutdown_background);
    }
}

impl Threads {
    /// Serves, each shard in a thread of its own, until `closing` is cancelled and `tasks` and
    /// `vital` have ended and all connections are told, or [`DRAIN_TIMEOUT`] later.
    pub(crate) fn start(
        mut self,
        shards: &Shards,
        closing: &CancellationToken,
        tasks: &TaskTracker,
        vital: &Vital,
    ) -> anyhow::Result<Ended> {
        let endpoints: Vec<_> = shards.iter().map(|(it, _)| it.clone()).collect();
        let (closing, tasks, vital) = (closing.clone(), tasks.clone(), vital.clone());
        // All sockets close together: one less in the group changes which socket a peer's packets
        // go to.
        let done = CancellationToken::new();
        let finally = done.clone().drop_guard();
        let told = self.0[0].spawn(async move {
            let _finally = finally;
            closing.cancelled().await;
            let idle = async {
                tasks.wait().await;
                let _ = vital.join().await;
                for endpoint in &endpoints {
                    endpoint.wait_idle().await;
                }
            };
            tokio::time::timeout(DRAIN_TIMEOUT, idle).await.is_ok()
        });
        let (alive, threads) = mpsc::channel(1);
        while let Some(runtime) = self.0.pop() {
            let own = self.0.len();
            let (only, done, alive) = (Self(vec![runtime]), done.clone(), alive.clone());
            thread::Builder::new()
                .name(format!("shard-{own}"))
                .spawn(move || {
                    only.0[0].block_on(done.cancelled());
                    drop(only);
                    drop(alive);
                })
                .context("cannot start a shard's thread")?;
        }
        Ok(Ended { told, threads })
    }
}

impl Ended {
    /// Waits for the threads. Returns whether all connections were told in time.
    pub(crate) async fn wait(&mut self) -> bool {
        // Nothing is sent: it ends when all senders are gone.
        let _ = self.threads.recv().await;
        (&mut self.told).await.unwrap_or(false)
    }
}

//! Zone hosts in this process, each with a thread of its own, so that one can be frozen whole.

use crate::world::{World, content};
use realm::zone::{self, Host};
use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};
use tokio::{runtime, sync::mpsc};
use tokio_util::sync::CancellationToken;

enum Trouble {
    Kill,
    /// Until the other end is dropped.
    Freeze(Receiver<()>),
}

pub(super) struct Threads {
    hosts: Vec<mpsc::UnboundedSender<Trouble>>,
    frozen: Vec<Sender<()>>,
}

impl Threads {
    /// Starts so many hosts.
    pub(super) fn start(world: &World, count: usize) -> Self {
        let hosts = (0..count).map(|number| {
            let (troubles, mut hear) = mpsc::unbounded_channel();
            let (found, log) = (world.found.clone(), world.log.clone());
            let content = content(world.directory());
            thread::spawn(move || {
                let runtime = runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let settings = zone::Settings {
                        name: format!("host-{number}"),
                        ..zone::Settings::default()
                    };
                    let host = Host::start(settings, found.shared(log), content);
                    let host = host.await.unwrap();
                    tokio::spawn(host.run(CancellationToken::new()));
                    while let Some(Trouble::Freeze(until)) = hear.recv().await {
                        let _ = until.recv();
                    }
                });
                runtime.shutdown_background();
            });
            troubles
        });
        Self {
            hosts: hosts.collect(),
            frozen: Vec::new(),
        }
    }

    /// Ends a host as SIGKILL does: nothing is said to anybody.
    pub(super) fn kill(&self, host: usize) {
        self.hosts[host].send(Trouble::Kill).unwrap();
    }

    /// Freezes a host as SIGSTOP does.
    pub(super) fn freeze(&mut self, host: usize) {
        let (thaw, until) = channel();
        self.hosts[host].send(Trouble::Freeze(until)).unwrap();
        self.frozen.push(thaw);
    }

    pub(super) fn thaw(&mut self) {
        self.frozen.clear();
    }
}

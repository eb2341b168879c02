//! The peers of the soak: they join, leave, and pause to be checked.

use crate::stage::{Own, Stage};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

/// How long after a pause began all lists must be right.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    leave: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Client {
    list: Arc<Own>,
    task: JoinHandle<()>,
}

/// All peers, and the number of the next one.
pub(crate) struct Crowd {
    stage: Arc<Stage>,
    servers: VecDeque<Server>,
    clients: VecDeque<Client>,
    next: u64,
}

impl Crowd {
    /// No peers yet.
    pub(crate) fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            servers: VecDeque::new(),
            clients: VecDeque::new(),
            next: 0,
        }
    }

    pub(crate) fn join_server(&mut self) {
        self.next += 1;
        let (leave, told) = watch::channel(false);
        let task = tokio::spawn(self.stage.clone().server(self.next, told));
        self.servers.push_back(Server { leave, task });
    }

    pub(crate) fn join_client(&mut self) {
        self.next += 1;
        let list = Arc::default();
        let follow = self.stage.clone().client(self.next, Arc::clone(&list));
        let task = tokio::spawn(follow);
        self.clients.push_back(Client { list, task });
    }

    /// A twentieth of the peers of one kind leave, and as many join. The oldest leave, so that in
    /// the end all have left.
    pub(crate) async fn churn(&mut self, servers: bool) {
        if servers && let Some(server) = self.servers.pop_front() {
            server.leave.send_replace(true);
            server.task.await.unwrap();
            self.join_server();
        }
        if !servers && let Some(client) = self.clients.pop_front() {
            client.task.abort();
            self.join_client();
        }
    }

    /// Pauses until all lists are right, or the time is over. Returns the number of wrong lists.
    pub(crate) async fn wrong(&mut self) -> usize {
        self.stage.moving.send_replace(false);
        let start = Instant::now();
        let wrong = loop {
            let wrong = self
                .stage
                .wrong(self.clients.iter().map(|client| &*client.list));
            if wrong == 0 || start.elapsed() > PATIENCE {
                break wrong;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        self.stage.moving.send_replace(true);
        wrong
    }
}

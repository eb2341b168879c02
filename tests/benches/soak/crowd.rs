//! Who is there: peers join and leave, and hold still to be looked at.

use crate::stage::{Own, Stage};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

/// Until all lists have to be right, after everybody holds still.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    leave: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Client {
    list: Arc<Own>,
    task: JoinHandle<()>,
}

/// All who are there, and the next number.
pub(crate) struct Crowd {
    stage: Arc<Stage>,
    servers: VecDeque<Server>,
    clients: VecDeque<Client>,
    next: u64,
}

impl Crowd {
    /// Nobody yet.
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

    /// One of each leaves, and another joins. The oldest leave, so that all have left in the end.
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

    /// Holds still until all lists are right, or have had the time to be. Gives how many are not.
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
